// patchcord add: what cnitool(1) does with a network's ADD.
#include "plugin/operator/advice.h"
#include "plugin/operator/attaching.h"

namespace tool {
namespace {

// A runtime says none of this, and the plugin reads its own keys only.
void advise(const Call& call, const config::NetworkList& list, const Attaching& attaching) {
  const auto say = [&](const std::string& note) {
    call.console.report("patchcord: network " + list.name + ": " + note);
  };
  for (const auto& note : advice_on(call, list)) say(note);
  for (const auto& plugin : list.plugins) {
    for (const auto& note : unread_keys_of(list, plugin)) say(note);
  }
  for (const auto& name : list.unclaimed(attaching.offers)) {
    say(name + " is asked for, and no plugin gets it: none has \"capabilities\": {\"" + name +
        "\": true}");
  }
}

int run_add(const Call& call) {
  const auto list = require_network(call, call.arguments.operands().front());
  const Attaching attaching = attaching_of(call);
  advise(call, list, attaching);
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
