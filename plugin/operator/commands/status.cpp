// patchcord status: STATUS of every plugin of a network.
#include "plugin/operator/attaching.h"

namespace tool {
namespace {

int run_status(const Call& call) {
  const auto list = require_network(call, call.arguments.operands().front());
  require_newest(list, "STATUS");
  Chain(call, list).ask(cni::Command::kStatus, {}, "");
  call.console.write("an ADD would find what it needs\n");
  return kFine;
}

}  // namespace

const Command kStatus = {.name = "status",
                         .operands = "NETWORK|FILE",
                         .least = 1,
                         .most = 1,
                         .summary = "whether an ADD would find what it needs",
                         .details = "Asks every plugin of the network (CNI 1.1.0).",
                         .options = kDirectoryOptions,
                         .examples = "patchcord status podnet",
                         .run = run_status};

}  // namespace tool
