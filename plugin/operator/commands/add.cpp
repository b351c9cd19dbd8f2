// patchcord add: what cnitool(1) does with a network's ADD.
#include "plugin/operator/attaching.h"

namespace tool {
namespace {

int run_add(const Call& call) {
  const auto list = require_network(call, call.arguments.operands().front());
  const Attaching attaching = attaching_of(call);
  const std::string result = Chain(call, list).add(attaching);
  KeptResult(call, list.name, attaching).write(result);
  call.console.write(result + (result.ends_with('\n') ? "" : "\n"));
  return kFine;
}

}  // namespace

const Command kAdd = {.name = "add",
                      .operands = "NETWORK|FILE NETNS",
                      .least = 2,
                      .most = 2,
                      .summary = "connect a namespace to a network, as a runtime would",
                      .details = kAttachingNames,
                      .options = kAttachingOptions,
                      .examples = "ip netns add demo\npatchcord add podnet demo",
                      .run = run_add};

}  // namespace tool
