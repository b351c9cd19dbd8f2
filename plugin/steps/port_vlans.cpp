// The VLANs of a container's bridge port.
#include <algorithm>

#include "netlink/bridge.h"
#include "plugin/steps/step.h"
#include "plugin/steps/world.h"

namespace steps {
namespace {

using attachment::Attachment;

std::vector<netlink::VlanRange> wanted(const attachment::PortVlans& vlans) {
  std::vector<netlink::VlanRange> list;
  // The native one last: where the trunk has it too, its frames go out without a tag.
  for (const auto& range : vlans.trunk) list.push_back({.first = range.first, .last = range.last});
  if (vlans.native != 0) {
    list.push_back({.first = vlans.native, .last = vlans.native, .native = true, .untagged = true});
  }
  return list;
}

void set_vlans(World& world, const Attachment& attachment) {
  if (!attachment.bridge_port || !attachment.bridge_port->vlans) return;
  const auto list = wanted(*attachment.bridge_port->vlans);
  if (list.empty()) return;
  const auto default_vlan = world.bridge->default_vlan;
  if (default_vlan != 0 && !attachment.bridge_port->vlans->keep_default)
    netlink::remove_port_vlan(world.host, *world.host_end, default_vlan);
  netlink::add_port_vlans(world.host, *world.host_end, list);
}

void apply(World& world, Attachment& attachment, base::Rollback&) {
  set_vlans(world, attachment);
}

bool carries(const std::vector<netlink::VlanRange>& seen, std::uint16_t vlan, bool native) {
  return std::any_of(seen.begin(), seen.end(), [&](const netlink::VlanRange& range) {
    return range.first <= vlan && vlan <= range.last && (!native || range.native);
  });
}

void check(World& world, const Attachment& attachment, Findings& findings) {
  if (!attachment.bridge_port || !attachment.bridge_port->vlans || !world.host_end) return;
  const auto seen = netlink::vlans_of_port(world.host, *world.host_end);
  for (const auto& range : wanted(*attachment.bridge_port->vlans)) {
    for (unsigned vlan = range.first; vlan <= range.last; ++vlan) {
      if (carries(seen, static_cast<std::uint16_t>(vlan), range.native)) continue;
      findings.push_back("bridge port " + world.host_end->name + " is not in VLAN " +
                         std::to_string(vlan) + (range.native ? ", its native one" : ""));
    }
  }
}

void restore(World& world, const Attachment& attachment, Findings& restored) {
  Findings missing;
  check(world, attachment, missing);
  if (missing.empty()) return;
  set_vlans(world, attachment);
  restored.push_back("VLANs of bridge port " + world.host_end->name);
}

// They go with the port.
void remove(World&, const Attachment&) {}

}  // namespace

const Step kPortVlans = {
    .name = "port VLANs", .apply = apply, .check = check, .remove = remove, .restore = restore};

}  // namespace steps
