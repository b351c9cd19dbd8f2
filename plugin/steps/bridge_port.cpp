// Hairpin and isolation of a container's bridge port.
#include "netlink/bridge.h"
#include "plugin/steps/step.h"
#include "plugin/steps/world.h"

namespace steps {
namespace {

using attachment::Attachment;

// kInterface has set them with the rest.
void apply(World&, Attachment&, base::Rollback&) {}

void list_settings(World& world, const Attachment& attachment, Settings& settings) {
  if (!attachment.bridge_port || !world.host_end || !world.host_end->bridge_port) return;
  const auto flags = flags_of(*attachment.bridge_port);
  const auto& seen = *world.host_end->bridge_port;
  const auto add = [&](const char* flag, bool should, bool is) {
    settings.push_back({.name = std::string(flag) + " of bridge port " + world.host_end->name,
                        .wanted = should ? "on" : "off",
                        .seen = is ? "on" : "off",
                        .is_right = should == is});
  };
  add("hairpin mode", flags.hairpin, seen.hairpin);
  add("isolation", flags.isolated, seen.isolated);
  // Elsewhere it has no effect, and ports that an older version made do not have it.
  if (world.bridge && world.bridge->speaks_stp) add("BPDU guard", flags.guarded, seen.guarded);
}

void check(World& world, const Attachment& attachment, Findings& findings) {
  Settings settings;
  list_settings(world, attachment, settings);
  find_wrong(settings, findings);
}

void restore(World& world, const Attachment& attachment, Findings& restored) {
  if (!attachment.bridge_port || !world.host_end) return;
  const auto flags = flags_of(*attachment.bridge_port);
  if (world.host_end->bridge_port.value_or(netlink::BridgePortFlags{}) == flags) return;
  netlink::set_bridge_port(world.host, *world.host_end, flags);
  restored.push_back("flags of bridge port " + world.host_end->name);
}

// The port goes with its interface.
void remove(World&, const Attachment&) {}

}  // namespace

// A container has no part in the spanning tree of the bridge: it could become its root, and have
// all of the network's frames.
netlink::BridgePortFlags flags_of(const attachment::BridgePort& port) {
  return {.hairpin = port.hairpin, .isolated = port.isolated, .guarded = true};
}

const Step kBridgePort = {.name = "bridge port",
                          .apply = apply,
                          .check = check,
                          .remove = remove,
                          .restore = restore,
                          .settings = list_settings};

}  // namespace steps
