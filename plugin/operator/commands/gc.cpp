// patchcord gc: removes what the dead left, or with a list what the living do not need;
// plugin/operations does the work.
#include <array>

#include "base/file.h"
#include "plugin/cni/error.h"
#include "plugin/cni/object.h"
#include "plugin/operations/gc_unlisted.h"
#include "plugin/operator/chain.h"
#include "plugin/operator/files.h"
#include "plugin/operator/mending.h"
#include "plugin/operator/table.h"

namespace tool {
namespace {

constexpr Option kValidOption = {
    .name = "valid",
    .value = "FILE",
    .meaning = "who is alive of NETWORK, whose plugins remove all others"};
constexpr std::array kOptions = {kOnlyNetworkOption, kDryRunOption,         kTableOrJsonOption,
                                 kValidOption,       kConfigurationsOption, kPluginsOption};

void show(const Console& console, const operations::Dead& dead, const std::string& title,
          bool dry_run) {
  const std::string_view word = dry_run ? "dead" : (dead.removed ? "removed" : "left");
  const Tone tone = dead.problem.empty() ? Tone::kWarning : Tone::kBad;
  console.write(paint(console, word, tone) + "  " + printable(title) + describe_kind(dead.kind) +
                ": " + printable(dead.reason) + "\n");
  if (!dead.problem.empty()) console.write("  ! " + printable(dead.problem) + "\n");
}

// As a runtime does it: the plugins of a network are told who is alive.
int collect_all_but_valid(const Call& call, const std::string& network, const std::string& path) {
  const auto list = require_network(call, network);
  require_newest(list, "GC");
  const auto text = base::read_file(path, cni::kLongestDocument);
  if (!text) throw cni::Error(cni::Code::kFile, "there is no file " + path);
  const auto valid = config::parse_valid_attachments(*text);
  if (list.disable_gc) {
    call.console.write("nothing is removed: network " + list.name + " has disableGC\n");
    return kFine;
  }
  Chain(call, list).collect(valid);
  call.console.write("network " + list.name + " has no other than these " +
                     std::to_string(valid.size()) + "\n");
  return kFine;
}

void write(const operations::Dead& dead, const Titles& titles, Json& json) {
  json.begin_object();
  titles.write(dead.key, json);
  json.member("kind", dead.kind)
      .member("reason", dead.reason)
      .member("removed", dead.removed)
      .member("problem", dead.problem)
      .end_object();
}

// Without a list those go that are provably gone.
int collect_the_dead(const Call& call) {
  const bool dry_run = call.arguments.has(kDryRunOption.name);
  const bool as_json = call.arguments.value(kTableOrJsonOption.name) == "json";
  const Titles titles(call.state_directory);
  Json json;
  json.begin_object().key("attachments").begin_list();
  std::size_t count = 0;
  std::size_t left = 0;
  operations::collect_dead(
      {.network = call.arguments.value(kOnlyNetworkOption.name).value_or(""), .dry_run = dry_run},
      {.state_directory = call.state_directory, .report = call.console.report, .deliver = {}},
      [&](const operations::Dead& dead) {
        ++count;
        if (!dead.problem.empty()) ++left;
        as_json ? write(dead, titles, json)
                : show(call.console, dead, titles.of(dead.key), dry_run);
      });
  json.end_list().end_object();
  if (as_json) {
    call.console.write(json.document());
  } else if (count == 0) {
    call.console.write("nothing to remove\n");
  }
  return left == 0 ? kFine : kNotFine;
}

int run_gc(const Call& call) {
  const auto& operands = call.arguments.operands();
  const auto valid = call.arguments.value(kValidOption.name);
  if (operands.empty() == valid.has_value())
    throw Misuse("NETWORK and --valid go together; without both, the dead are found by proof");
  if (!valid) return collect_the_dead(call);
  for (const auto& option : kMendingOptions) {
    if (call.arguments.has(option.name))
      throw Misuse("--" + std::string(option.name) + " has no meaning with --valid");
  }
  return collect_all_but_valid(call, operands.front(), *valid);
}

}  // namespace

const Command kGc = {
    .name = "gc",
    .operands = "[NETWORK|FILE --valid FILE]",
    .most = 1,
    .summary = "remove what is left of containers that are provably gone",
    .details =
        "Attachments whose network namespace is gone, or whose ADD was killed, and what types in\n"
        "their chains have of them. What another process is at work on is left alone.\n"
        "With --valid it is the GC of a runtime (CNI 1.1.0). FILE has\n"
        "{\"cni.dev/valid-attachments\": [{\"containerID\": \"ID\", \"ifname\": \"eth0\"}, ...]}. "
        "Who is not\n"
        "on the list loses the network, also if he is alive, so no runtime may add any meanwhile.\n"
        "Exit status 1: something could not be removed.",
    .options = kOptions,
    .examples = "patchcord gc --dry-run\npatchcord gc\npatchcord gc podnet --valid alive.json",
    .run = run_gc};

}  // namespace tool
