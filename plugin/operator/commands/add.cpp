// patchcord add: what cnitool(1) does with a network's ADD.
#include "plugin/operator/advice.h"
#include "plugin/operator/attaching.h"
#include "plugin/operator/wishes.h"

namespace tool {
namespace {

constexpr Option kLoopbackOption = {.name = "lo", .meaning = "sets the container's lo up, too"};
constexpr std::array kOptions = {
    kPublishOption,   kAddressOption,   kMacOption,    kLoopbackOption,       kIdOption,
    kInterfaceOption, kArgumentsOption, kOffersOption, kConfigurationsOption, kPluginsOption};

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

// As runtimes do it, by the type that is made for it.
void set_loopback_up(const Call& call, Attaching attaching) {
  const auto list = config::parse_network_list(
      R"({"cniVersion": "1.0.0", "name": "loopback", "plugins": [{"type": "loopback"}]})");
  attaching.ifname = "lo";
  attaching.offers.clear();
  (void)Chain(call, list).add(attaching);
}

int run_add(const Call& call) {
  const auto list = require_network(call, call.arguments.operands().front());
  Attaching attaching = attaching_of(call);
  add_wishes(call, list, attaching);
  advise(call, list, attaching);
  const std::string result = Chain(call, list).add(attaching);
  if (call.arguments.has(kLoopbackOption.name)) set_loopback_up(call, attaching);
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
                      .options = kOptions,
                      .examples = "ip netns add demo\npatchcord add podnet demo --lo -p 8080:80",
                      .run = run_add};

}  // namespace tool
