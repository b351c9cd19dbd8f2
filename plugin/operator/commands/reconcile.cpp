// patchcord reconcile: puts back what records say and the kernel lacks; plugin/operations does the
// work.
#include "plugin/operations/reconcile.h"

#include "plugin/operator/mending.h"
#include "plugin/operator/table.h"

namespace tool {
namespace {

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

void show(const Console& console, const operations::Reconciled& each, const std::string& title) {
  console.write(paint(console, to_string(each.outcome), tone_of(each.outcome)) + "  " +
                printable(title) + describe_kind(each.kind) + "\n");
  for (const auto& text : each.restored) console.write("  + " + printable(text) + "\n");
  for (const auto& text : each.problems) console.write("  ! " + printable(text) + "\n");
}

int run_reconcile(const Call& call) {
  operations::ReconcileOptions options{.state_directory = call.state_directory,
                                       .network = call.arguments.value(kOnlyNetworkOption.name),
                                       .dry_run = call.arguments.has(kDryRunOption.name)};
  const bool as_json = call.arguments.value(kTableOrJsonOption.name) == "json";
  const Titles titles(call.state_directory);
  Json json;
  json.begin_object().key("attachments").begin_list();
  std::size_t count = 0;
  std::size_t amiss = 0;
  operations::reconcile(options, [&](const operations::Reconciled& each) {
    if (!is_chained(each.kind)) ++count;
    if (each.outcome == operations::Outcome::kAmiss) ++amiss;
    if (as_json) {
      json.begin_object();
      titles.write(each.key, json);
      json.member("kind", each.kind)
          .member("outcome", to_string(each.outcome))
          .member("restored", each.restored)
          .member("problems", each.problems)
          .end_object();
    } else if (each.outcome != operations::Outcome::kRight) {
      show(call.console, each, titles.of(each.key));
    }
  });
  json.end_list().end_object();
  call.console.write(as_json ? json.document()
                             : std::to_string(count) + " attachments looked at, " +
                                   std::to_string(amiss) + " of them with something amiss\n");
  return amiss == 0 ? kFine : kNotFine;
}

}  // namespace

const Command kReconcile = {
    .name = "reconcile",
    .summary = "put back what records say and the kernel lacks",
    .details =
        "After a firewall reload or a hand that slipped: rules, routes, addresses, settings.\n"
        "What is right is not touched. Only a new ADD brings back a veth pair that is gone.\n"
        "Exit status 1: something is amiss still.",
    .options = kMendingOptions,
    .examples = "patchcord reconcile --dry-run\npatchcord reconcile -n podnet",
    .run = run_reconcile};

}  // namespace tool
