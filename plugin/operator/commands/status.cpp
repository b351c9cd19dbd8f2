// patchcord status: the node on one screen, or STATUS of every plugin of a network.
#include <array>
#include <map>
#include <set>

#include "plugin/operator/attaching.h"
#include "plugin/operator/commands/doctor/doctor.h"
#include "plugin/operator/commands/help.h"
#include "plugin/operator/format.h"
#include "plugin/operator/json.h"
#include "plugin/operator/networks.h"
#include "plugin/operator/table.h"

namespace tool {
namespace {

constexpr Option kFormatOption = {.name = "output",
                                  .letter = 'o',
                                  .value = "FORMAT",
                                  .choices = "table|json|yaml",
                                  .meaning = "of the node's summary; table unless given"};
constexpr std::array kOptions = {kFormatOption, kConfigurationsOption, kPluginsOption};

/// What of the node fits on a screen.
struct Summary {
  std::map<std::string, std::size_t> states;  // attachments
  std::size_t links = 0;
  std::size_t links_up = 0;
  std::vector<NetworkLine> networks;
  std::set<std::string> ports;
  Diagnoses problems;
};

Summary summarize(const Call& call) {
  Node node(call.state_directory);
  const auto files = read_configurations(configuration_directory(call));
  const auto sightings = survey(node, reservation_directories(files));
  Summary summary;
  for (const auto& each : sightings) {
    ++summary.states[std::string(to_string(each.state))];
    for (auto& port : ports_of(each)) summary.ports.insert(std::move(port));
    if (!each.host_end) continue;
    ++summary.links;
    if (each.host_end->is_up()) ++summary.links_up;
  }
  summary.networks = networks_of(files, sightings);
  summary.problems = diagnose(call, node, files, sightings);
  return summary;
}

std::string line(std::string_view name, const std::string& value) {
  constexpr std::size_t kWidth = 13;
  std::string text(name);
  text.append(kWidth - name.size(), ' ');
  return text + printable(value) + "\n";
}

std::string states_text(const Summary& summary) {
  std::vector<std::string> texts;
  for (const auto& [state, count] : summary.states)
    texts.push_back(std::to_string(count) + " " + state);
  return texts.empty() ? "none" : join(texts, ", ");
}

std::string network_text(const NetworkLine& network) {
  std::string text = network.name + "  " + network.mode;
  if (!network.subnets.empty()) {
    text += "  " + join(network.subnets, ",") + "  " + std::to_string(network.used) + " of " +
            std::to_string(network.size) + " addresses";
  }
  text += "  " + std::to_string(network.containers) +
          (network.containers == 1 ? " container" : " containers");
  return network.file.empty() ? text + "  (no file configures it)" : text;
}

// The first ones; a screen has so many lines.
void append_list(std::string_view name, const std::vector<std::string>& lines, std::string& text) {
  constexpr std::size_t kMost = 8;
  for (std::size_t i = 0; i < std::min(lines.size(), kMost); ++i)
    text += line(i == 0 ? name : "", lines[i]);
  if (lines.size() > kMost)
    text += line("", "… and " + std::to_string(lines.size() - kMost) + " more");
  if (lines.empty()) text += line(name, "none");
}

std::string to_text(const Summary& summary, const Console& console) {
  std::string version = version_line();
  version.pop_back();
  std::string text = line("version", version);
  text += line("attachments", states_text(summary));
  text += line("links", std::to_string(summary.links) + ", " + std::to_string(summary.links_up) +
                            " of them up");
  std::vector<std::string> networks;
  for (const auto& each : summary.networks) networks.push_back(network_text(each));
  append_list("networks", networks, text);
  append_list("host ports", {summary.ports.begin(), summary.ports.end()}, text);
  std::vector<std::string> problems;
  for (const auto& each : summary.problems) problems.push_back(each.name + ": " + each.text);
  for (auto& each : problems) {
    if (console.width > 13) each = cut(printable(each), console.width - 13);
  }
  append_list("problems", problems, text);
  return problems.empty() ? text : text + line("", "patchcord doctor has all of it, with remedies");
}

std::string to_document(const Summary& summary, bool as_yaml) {
  Json json(as_yaml);
  json.begin_object().member("version", PATCHCORD_VERSION).key("attachments").begin_object();
  for (const auto& [state, count] : summary.states) json.member(state, count);
  json.end_object().member("links", summary.links).member("linksUp", summary.links_up);
  json.key("networks").begin_list();
  for (const auto& each : summary.networks) {
    json.begin_object()
        .member("name", each.name)
        .member("mode", each.mode)
        .member("subnets", each.subnets)
        .member("addresses", each.size)
        .member("used", each.used)
        .member("containers", each.containers)
        .end_object();
  }
  json.end_list().member("ports",
                         std::vector<std::string>{summary.ports.begin(), summary.ports.end()});
  json.key("problems").begin_list();
  for (const auto& each : summary.problems) {
    json.begin_object()
        .member("name", each.name)
        .member("severity", each.is_error ? "error" : "warning")
        .member("text", each.text)
        .end_object();
  }
  return json.end_list().end_object().document();
}

int show_node(const Call& call) {
  const std::string format = call.arguments.value(kFormatOption.name).value_or("table");
  const Summary summary = summarize(call);
  call.console.write(format == "table" ? to_text(summary, call.console)
                                       : to_document(summary, format == "yaml"));
  return summary.problems.empty() ? kFine : kNotFine;
}

int run_status(const Call& call) {
  if (call.arguments.operands().empty()) return show_node(call);
  if (call.arguments.has(kFormatOption.name))
    throw Misuse("--output is for the node's summary, and a network has none");
  const auto list = require_network(call, call.arguments.operands().front());
  require_newest(list, "STATUS");
  Chain(call, list).ask(cni::Command::kStatus, {}, "");
  call.console.write("an ADD would find what it needs\n");
  return kFine;
}

}  // namespace

const Command kStatus = {
    .name = "status",
    .operands = "[NETWORK|FILE]",
    .most = 1,
    .summary = "the node on one screen; of a network, whether an ADD would find what it needs",
    .details =
        "Without an operand version, attachments, links, networks with their pools, host ports,\n"
        "and what doctor finds: exit status 1. With one every plugin of the network is asked\n"
        "(CNI 1.1.0).",
    .options = kOptions,
    .examples = "patchcord status\npatchcord status podnet",
    .run = run_status};

}  // namespace tool
