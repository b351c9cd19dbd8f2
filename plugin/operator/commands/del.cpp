// patchcord del: what cnitool(1) does with a network's DEL.
#include "plugin/operator/attaching.h"

namespace tool {
namespace {

int run_del(const Call& call) {
  const auto list = require_network(call, call.arguments.operands().front());
  const auto known = find_attached(call, list);
  const Attaching attaching = known ? *known : attaching_of(call);
  const KeptResult kept(call, list.name, attaching);
  Chain(call, list).remove(attaching, kept.read());
  kept.remove();
  if (known) return kFine;
  call.console.report("patchcord: nothing of " + attaching.container_id + " was known in network " +
                      list.name + "; its plugins were told all the same");
  return kNotFine;
}

}  // namespace

const Command kDel = {.name = "del",
                      .operands = kAttachedOperands,
                      .least = 2,
                      .most = 2,
                      .summary = "take it off again",
                      .details = kAttachedNames,
                      .options = kAttachingOptions,
                      .examples = "patchcord del podnet demo\npatchcord del podnet shop/web-0",
                      .run = run_del};

}  // namespace tool
