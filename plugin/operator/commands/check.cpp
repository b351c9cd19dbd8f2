// patchcord check: CHECK of an attachment.
#include "plugin/cni/error.h"
#include "plugin/operator/attaching.h"
#include "plugin/operator/survey.h"
#include "plugin/types/type.h"

namespace tool {
namespace {

// A runtime keeps its results to itself; our types know by their records.
int check_by_record(const Call& call, const config::NetworkList& list, const Attaching& attaching) {
  for (const auto& plugin : list.plugins) {
    if (types::find_type(plugin.type) != nullptr) continue;
    throw cni::Error(cni::Code::kCheckFailed,
                     "plugin " + plugin.type +
                         " checks by the result of the ADD, which only who "
                         "called that has",
                     "patchcord inspect has what our types say");
  }
  Node node(call.state_directory);
  auto sighting = survey_one(node, {list.name, attaching.container_id, attaching.ifname});
  const auto findings = sighting.findings();
  for (const auto& finding : findings) call.console.report("patchcord: " + finding);
  if (!findings.empty()) return kNotFine;
  call.console.write("all is as ADD made it\n");
  return kFine;
}

int run_check(const Call& call) {
  const auto list = require_network(call, call.arguments.operands().front());
  if (list.disable_check) {
    call.console.write("not asked: network " + list.name + " has disableCheck\n");
    return kFine;
  }
  const auto attaching = find_attached(call, list);
  if (!attaching) {
    throw cni::Error(cni::Code::kUnknownContainer,
                     "nothing of that id is known in network " + list.name);
  }
  const std::string result = KeptResult(call, list.name, *attaching).read();
  if (result.empty()) return check_by_record(call, list, *attaching);
  Chain(call, list).ask(cni::Command::kCheck, *attaching, result);
  call.console.write("all is as ADD made it\n");
  return kFine;
}

}  // namespace

const Command kCheck = {.name = "check",
                        .operands = kAttachedOperands,
                        .least = 2,
                        .most = 2,
                        .summary = "whether all is as ADD made it",
                        .details = kAttachedNames,
                        .options = kAttachingOptions,
                        .examples = "patchcord check podnet demo",
                        .run = run_check};

}  // namespace tool
