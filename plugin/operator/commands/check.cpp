// patchcord check: CHECK of what `patchcord add` made.
#include "plugin/cni/error.h"
#include "plugin/operator/attaching.h"

namespace tool {
namespace {

int run_check(const Call& call) {
  const auto list = require_network(call, call.arguments.operands().front());
  if (list.disable_check) {
    call.console.write("not asked: network " + list.name + " has disableCheck\n");
    return kFine;
  }
  const Attaching attaching = attaching_of(call);
  const std::string result = KeptResult(call, list, attaching).read();
  if (result.empty()) {
    throw cni::Error(cni::Code::kCheckFailed,
                     "there is no result to check by: patchcord add keeps it, and nobody called "
                     "that for this network, id and interface");
  }
  Chain(call, list).ask(cni::Command::kCheck, attaching, result);
  call.console.write("all is as ADD made it\n");
  return kFine;
}

}  // namespace

const Command kCheck = {.name = "check",
                        .operands = kAttachingOperands,
                        .least = 2,
                        .most = 2,
                        .summary = "whether all is as `patchcord add` made it",
                        .details = kAttachingNames,
                        .options = kAttachingOptions,
                        .examples = "patchcord check podnet demo",
                        .run = run_check};

}  // namespace tool
