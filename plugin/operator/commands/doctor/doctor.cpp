#include "plugin/operator/commands/doctor/doctor.h"

#include <algorithm>
#include <array>

#include "base/file.h"
#include "netlink/error.h"
#include "plugin/observe/own_file.h"
#include "plugin/operator/commands/fabric/fabric.h"
#include "plugin/operator/format.h"
#include "plugin/operator/json.h"
#include "plugin/operator/runtimes.h"
#include "plugin/operator/table.h"
#include "plugin/operator/trace/marking.h"
#include "plugin/ruleset/kernel.h"

namespace tool {
namespace {

constexpr Option kFormatOption = {.name = "output",
                                  .letter = 'o',
                                  .value = "FORMAT",
                                  .choices = "table|json",
                                  .meaning = "how to show it; table unless given"};
constexpr Option kSinceOption = {
    .name = "since",
    .value = "FILE",
    .meaning = "say only what is new since FILE was written, and write it anew"};
constexpr std::array kOptions = {kFormatOption, kSinceOption, kConfigurationsOption,
                                 kPluginsOption};

constexpr int kOnlyWarnings = 3;

// Of a probe that was killed on a kernel that does not remove it then (decision 121). One at work
// keeps its own.
void remove_leftovers() {
  try {
    if (auto netfilter = ruleset::find_nftables()) (void)trace::remove_leftover_marking(*netfilter);
  } catch (const netlink::Error&) {
  }
}

Diagnoses examine_node(const Call& call) {
  remove_leftovers();
  Node node(call.state_directory);
  const auto files = read_configurations(configuration_directory(call));
  return diagnose(call, node, files, survey(node, reservation_directories(files)));
}

std::string head_of(const Diagnosis& each) {
  const auto stops = conditions::find(each.name).stops;
  std::string head = each.name + " (stops " + std::string(conditions::to_string(stops));
  if (!each.about.empty())
    head += " of " + (each.about.size() > 1 ? std::to_string(each.about.size()) + ": " : "") +
            conditions::listed(each.about);
  return head + ")";
}

// By which a condition is known again: without the numbers in it, which change by themselves.
std::string identity_of(const Diagnosis& each) {
  std::string identity = each.name + " ";
  for (const char c : each.text) {
    if (c >= '0' && c <= '9') {
      if (!identity.ends_with('#')) identity += '#';
    } else {
      identity += c == '\n' ? ' ' : c;
    }
  }
  return identity;
}

// Leaves those that the file does not have. Where it is not there everything is new.
void leave_new(const std::string& path, Diagnoses& found) {
  constexpr std::size_t kMost = 1U << 20;
  constexpr std::string_view kFirstLine = "# what `patchcord doctor --since` has found\n";
  observe::require_own(path, kFirstLine);
  const std::string before = base::read_file(path, kMost).value_or("");
  std::string now(kFirstLine);
  for (const auto& each : found) now += identity_of(each) + "\n";
  std::erase_if(found, [&](const Diagnosis& each) {
    return before.find("\n" + identity_of(each) + "\n") != std::string::npos;
  });
  if (now != before) observe::replace_own(path, kFirstLine, now);
}

int status_of(const Diagnoses& found) {
  if (found.empty()) return kFine;
  const bool any_error =
      std::any_of(found.begin(), found.end(), [](const auto& each) { return each.is_error; });
  return any_error ? kNotFine : kOnlyWarnings;
}

int run_doctor(const Call& call) {
  Diagnoses found = examine_node(call);
  const auto since = call.arguments.value(kSinceOption.name);
  if (since) leave_new(*since, found);
  const bool as_json = call.arguments.value(kFormatOption.name) == "json";
  const bool is_news = !since || !found.empty();
  if (as_json || is_news)
    call.console.write(as_json ? diagnoses_as_json(found) : diagnoses_as_text(found, call.console));
  return status_of(found);
}

}  // namespace

std::string diagnoses_as_json(const Diagnoses& found) {
  Json json;
  json.begin_object().key("diagnoses").begin_list();
  for (const auto& each : found) {
    json.begin_object()
        .member("name", each.name)
        .member("severity", each.is_error ? "error" : "warning")
        .member("stops", conditions::to_string(conditions::find(each.name).stops))
        .member("text", each.text)
        .member("remedy", each.remedy)
        .member("command", each.command)
        .member("about", each.about)
        .end_object();
  }
  return json.end_list().end_object().document();
}

// A command is whole on its line, to be pasted as it is.
std::string diagnoses_as_text(const Diagnoses& found, const Console& console) {
  std::string text;
  for (const auto& each : found) {
    text +=
        paint(console, each.is_error ? "✗ " : "! ", each.is_error ? Tone::kBad : Tone::kWarning) +
        wrap(printable(head_of(each)), 2, console.width) + "\n  " +
        wrap(printable(each.text), 2, console.width) + "\n";
    if (!each.command.empty()) text += "  $ " + printable(each.command) + "\n";
    text += "  → " + wrap(printable(each.remedy), 4, console.width) + "\n";
  }
  return text.empty() ? "nothing stands in the way of this node's containers\n" : text;
}

// Without a word of where plugins are, every place in which a runtime looks.
std::string plugin_path_for_all(const Call& call) {
  if (call.arguments.has(kPluginsOption.name) || !call.environment.get("CNI_PATH").empty())
    return plugin_path(call);
  std::vector<std::string> all{std::string(kUsualPlugins), "/usr/lib/cni", "/usr/libexec/cni"};
  for (const auto& runtime : find_runtimes()) {
    for (const auto& directory : runtime.plugins) {
      if (std::find(all.begin(), all.end(), directory) == all.end()) all.push_back(directory);
    }
  }
  return join(all, ":");
}

Diagnoses diagnose(const Call& call, Node& node, const std::vector<ConfigurationFile>& files,
                   const std::vector<Sighting>& sightings) {
  const Patient patient{.node = node,
                        .files = files,
                        .sightings = sightings,
                        .configurations = configuration_directory(call),
                        .plugin_path = plugin_path_for_all(call),
                        .state_directory = call.state_directory,
                        .pools = view_pools(call.environment)};
  Diagnoses found;
  look_at_configurations(patient, found);
  look_at_blocks(patient, found);
  look_at_runtimes(patient, found);
  look_at_kernel(patient, found);
  look_at_networks(patient, found);
  look_at_bridges(patient, found);
  look_at_tables(patient, found);
  look_at_services(patient, found);
  look_at_ports(patient, found);
  look_at_attachments(patient, found);
  // Whose words are made of the pools: what of these cannot be read has been told of.
  const bool is_readable = std::all_of(patient.pools.begin(), patient.pools.end(),
                                       [](const auto& pool) { return pool.problem.empty(); });
  if (is_readable) look_at_fabric(call.environment, node.socket(), found);
  return conditions::merged(std::move(found));
}

const Command kDoctor = {
    .name = "doctor",
    .summary = "what stops or slows containers on this node, each with its remedy",
    .details =
        "Looks at the kernel's settings, the firewall, configurations, plugins, pools, routes\n"
        "and every attachment. Changes nothing. Exit status 1: something stops containers;\n"
        "3: nothing does yet. With --since, for a timer, both are about what is new.",
    .options = kOptions,
    .examples =
        "patchcord doctor\npatchcord doctor -o json | jq -r '.diagnoses[].name'\n"
        "patchcord doctor --since /run/patchcord-doctor",
    .run = run_doctor};

}  // namespace tool
