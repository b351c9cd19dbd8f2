#include "plugin/operations/reconcile.h"

#include <array>

#include "base/file.h"
#include "plugin/attachment/record_store.h"
#include "plugin/cni/error.h"
#include "plugin/operations/gc_unlisted.h"
#include "plugin/operator/chain.h"
#include "plugin/operator/command.h"
#include "plugin/operator/files.h"
#include "plugin/operator/json.h"
#include "plugin/operator/table.h"

// What puts back and what clears away; plugin/types does the work.
namespace tool {
namespace {

constexpr Option kNetworkOption = {.name = "network",
                                   .letter = 'n',
                                   .value = "NAME",
                                   .meaning = "only this network's attachments"};
constexpr Option kDryRunOption = {.name = "dry-run",
                                  .meaning = "change nothing; say what would be"};
constexpr Option kFormatOption = {.name = "output",
                                  .letter = 'o',
                                  .value = "FORMAT",
                                  .choices = "table|json",
                                  .meaning = "how to show it; table unless given"};
constexpr Option kValidOption = {
    .name = "valid",
    .value = "FILE",
    .meaning = "who is alive of NETWORK, whose plugins remove all others"};
constexpr std::array kOptions = {kNetworkOption, kDryRunOption, kFormatOption};
constexpr std::array kGcOptions = {kNetworkOption, kDryRunOption,         kFormatOption,
                                   kValidOption,   kConfigurationsOption, kPluginsOption};

std::string_view to_string(operations::Outcome outcome) {
  switch (outcome) {
    case operations::Outcome::kRight:
      return "right";
    case operations::Outcome::kRestored:
      return "restored";
    case operations::Outcome::kAmiss:
      return "amiss";
    case operations::Outcome::kGone:
      return "gone";
    case operations::Outcome::kBusy:
      break;
  }
  return "busy";
}

Tone tone_of(operations::Outcome outcome) {
  switch (outcome) {
    case operations::Outcome::kRight:
    case operations::Outcome::kRestored:
      return Tone::kGood;
    case operations::Outcome::kAmiss:
      return Tone::kBad;
    default:
      return Tone::kWarning;
  }
}

void write_key(const attachment::Key& key, Json& json) {
  json.member("network", key.network)
      .member("container", key.container_id)
      .member("interface", key.ifname);
}

bool is_chained(const std::string& kind) {
  return kind != attachment::RecordStore::kInterfaces;
}

// Behind the name of an attachment.
std::string describe_kind(const std::string& kind) {
  return is_chained(kind) ? " (" + kind + ")" : "";
}

void show(const Console& console, const operations::Reconciled& each) {
  console.write(paint(console, to_string(each.outcome), tone_of(each.outcome)) + "  " +
                printable(attachment::to_string(each.key)) + describe_kind(each.kind) + "\n");
  for (const auto& text : each.restored) console.write("  + " + printable(text) + "\n");
  for (const auto& text : each.problems) console.write("  ! " + printable(text) + "\n");
}

int run_reconcile(const Call& call) {
  operations::ReconcileOptions options{.state_directory = call.state_directory,
                                       .network = call.arguments.value(kNetworkOption.name),
                                       .dry_run = call.arguments.has(kDryRunOption.name)};
  const bool as_json = call.arguments.value(kFormatOption.name) == "json";
  Json json;
  json.begin_object().key("attachments").begin_list();
  std::size_t count = 0;
  std::size_t amiss = 0;
  operations::reconcile(options, [&](const operations::Reconciled& each) {
    if (!is_chained(each.kind)) ++count;
    if (each.outcome == operations::Outcome::kAmiss) ++amiss;
    if (as_json) {
      json.begin_object();
      write_key(each.key, json);
      json.member("kind", each.kind)
          .member("outcome", to_string(each.outcome))
          .member("restored", each.restored)
          .member("problems", each.problems)
          .end_object();
    } else if (each.outcome != operations::Outcome::kRight) {
      show(call.console, each);
    }
  });
  json.end_list().end_object();
  call.console.write(as_json ? json.document()
                             : std::to_string(count) + " attachments looked at, " +
                                   std::to_string(amiss) + " of them with something amiss\n");
  return amiss == 0 ? kFine : kNotFine;
}

void show(const Console& console, const operations::Dead& dead, bool dry_run) {
  const std::string_view word = dry_run ? "dead" : (dead.removed ? "removed" : "left");
  const Tone tone = dead.problem.empty() ? Tone::kWarning : Tone::kBad;
  console.write(paint(console, word, tone) + "  " + printable(attachment::to_string(dead.key)) +
                describe_kind(dead.kind) + ": " + printable(dead.reason) + "\n");
  if (!dead.problem.empty()) console.write("  ! " + printable(dead.problem) + "\n");
}

// As a runtime does it: the plugins of a network are told who is alive.
int collect_all_but_valid(const Call& call, const std::string& network, const std::string& path) {
  constexpr std::size_t kLongest = 1U << 20;
  const auto list = require_network(call, network);
  require_newest(list, "GC");
  const auto text = base::read_file(path, kLongest);
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

int run_gc(const Call& call) {
  const auto& operands = call.arguments.operands();
  const auto valid = call.arguments.value(kValidOption.name);
  if (operands.empty() == valid.has_value())
    throw Misuse("NETWORK and --valid go together; without both, the dead are found by proof");
  if (valid) {
    for (const auto& option : kOptions) {
      if (call.arguments.has(option.name))
        throw Misuse("--" + std::string(option.name) + " has no meaning with --valid");
    }
    return collect_all_but_valid(call, operands.front(), *valid);
  }
  const bool dry_run = call.arguments.has(kDryRunOption.name);
  const bool as_json = call.arguments.value(kFormatOption.name) == "json";
  Json json;
  json.begin_object().key("attachments").begin_list();
  std::size_t count = 0;
  std::size_t left = 0;
  operations::collect_dead(
      {.network = call.arguments.value(kNetworkOption.name).value_or(""), .dry_run = dry_run},
      {.state_directory = call.state_directory, .report = call.console.report, .deliver = {}},
      [&](const operations::Dead& dead) {
        ++count;
        if (!dead.problem.empty()) ++left;
        if (!as_json) return show(call.console, dead, dry_run);
        json.begin_object();
        write_key(dead.key, json);
        json.member("kind", dead.kind)
            .member("reason", dead.reason)
            .member("removed", dead.removed);
        json.member("problem", dead.problem).end_object();
      });
  json.end_list().end_object();
  if (as_json) {
    call.console.write(json.document());
  } else if (count == 0) {
    call.console.write("nothing to remove\n");
  }
  return left == 0 ? kFine : kNotFine;
}

}  // namespace

const Command kReconcile = {
    .name = "reconcile",
    .summary = "put back what records say and the kernel lacks",
    .details =
        "After a firewall reload or a hand that slipped: rules, routes, addresses, settings.\n"
        "What is right is not touched. Only a new ADD brings back a veth pair that is gone.\n"
        "Exit status 1: something is amiss still.",
    .options = kOptions,
    .examples = "patchcord reconcile --dry-run\npatchcord reconcile -n podnet",
    .run = run_reconcile};

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
    .options = kGcOptions,
    .examples = "patchcord gc --dry-run\npatchcord gc\npatchcord gc podnet --valid alive.json",
    .run = run_gc};

}  // namespace tool
