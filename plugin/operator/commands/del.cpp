// patchcord del: what cnitool(1) does with a network's DEL.
#include "plugin/operator/attaching.h"

namespace tool {
namespace {

int run_del(const Call& call) {
  const auto list = require_network(call, call.arguments.operands().front());
  const Attaching attaching = attaching_of(call);
  const KeptResult kept(call, list, attaching);
  Chain(call, list).remove(attaching, kept.read());
  kept.remove();
  return kFine;
}

}  // namespace

const Command kDel = {.name = "del",
                      .operands = kAttachingOperands,
                      .least = 2,
                      .most = 2,
                      .summary = "take it off again",
                      .details = kAttachingNames,
                      .options = kAttachingOptions,
                      .examples = "patchcord del podnet demo",
                      .run = run_del};

}  // namespace tool
