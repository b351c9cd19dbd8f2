#include "netlink/bridge.h"
#include "plugin/steps/step.h"

namespace steps {
namespace {

using attachment::Attachment;

netlink::BridgePortFlags wanted(const attachment::BridgePort& port) {
  return {.hairpin = port.hairpin, .isolated = port.isolated};
}

void apply(World& world, Attachment& attachment, base::Rollback&) {
  if (!attachment.bridge_port) return;
  const auto flags = wanted(*attachment.bridge_port);
  // A port is born without either.
  if (flags == netlink::BridgePortFlags{}) return;
  netlink::set_bridge_port(world.host, *world.host_end, flags);
}

void check(World& world, const Attachment& attachment, Findings& findings) {
  if (!attachment.bridge_port || !world.host_end || !world.host_end->bridge_port) return;
  const auto flags = wanted(*attachment.bridge_port);
  const auto& seen = *world.host_end->bridge_port;
  const std::string port = "bridge port " + world.host_end->name;
  if (seen.hairpin != flags.hairpin)
    findings.push_back(port + ": hairpin mode is " + (seen.hairpin ? "on" : "off"));
  if (seen.isolated != flags.isolated)
    findings.push_back(port + ": isolation is " + (seen.isolated ? "on" : "off"));
}

void restore(World& world, const Attachment& attachment, Findings& restored) {
  if (!attachment.bridge_port || !world.host_end) return;
  const auto flags = wanted(*attachment.bridge_port);
  if (world.host_end->bridge_port.value_or(netlink::BridgePortFlags{}) == flags) return;
  netlink::set_bridge_port(world.host, *world.host_end, flags);
  restored.push_back("flags of bridge port " + world.host_end->name);
}

// The port goes with its interface.
void remove(World&, const Attachment&) {}

}  // namespace

const Step kBridgePort = {
    .name = "bridge port", .apply = apply, .check = check, .remove = remove, .restore = restore};

}  // namespace steps
