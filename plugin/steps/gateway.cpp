// The gateway's addresses on the bridge.
#include <algorithm>

#include "netlink/address.h"
#include "plugin/cni/error.h"
#include "plugin/steps/step.h"
#include "plugin/steps/world.h"

namespace steps {
namespace {

using attachment::Attachment;
using Addresses = std::vector<netlink::InterfaceAddress>;

// The bridge itself, or the gateway of its VLAN.
const netlink::Link& gateway_link(const World& world) {
  return world.vlan_gateway ? *world.vlan_gateway : *world.bridge;
}

bool has(const Addresses& seen, const base::IpPrefix& gateway) {
  return std::any_of(seen.begin(), seen.end(),
                     [&](const auto& address) { return address.prefix == gateway; });
}

// A bridge has one IPv4 address of ours; of IPv6, as many as do not overlap.
bool conflicts(const netlink::InterfaceAddress& address, const base::IpPrefix& gateway,
               const std::vector<base::IpPrefix>& wanted) {
  if (address.prefix.family() != gateway.family()) return false;
  if (std::find(wanted.begin(), wanted.end(), address.prefix) != wanted.end()) return false;
  return gateway.family() == base::Family::kIpv4 || address.prefix.overlaps(gateway);
}

bool has_ports_of_others(World& world, const netlink::Link& bridge) {
  const auto ports = netlink::ports_of(world.host, bridge.index);
  return std::any_of(ports.begin(), ports.end(), [&](const netlink::Link& port) {
    return !world.host_end || port.index != world.host_end->index;
  });
}

// Others may have come to rely on the address since we added it: they attach their port first and
// look for the address afterwards, so it is taken away first and the ports are looked at
// afterwards; if there are any but our own, which goes next, it is put back.
void withdraw(World& world, const netlink::Link& bridge, const base::IpPrefix& gateway) {
  if (!netlink::remove_address(world.host, bridge, gateway)) return;
  if (has_ports_of_others(world, bridge)) netlink::add_address(world.host, bridge, gateway, {});
}

[[noreturn]] void refuse_conflict(const netlink::Link& bridge,
                                  const netlink::InterfaceAddress& address,
                                  const base::IpPrefix& gateway) {
  throw cni::Error(cni::Code::kConflict,
                   "bridge " + bridge.name + " already has an IP address different from " +
                       gateway.to_string() +
                       ", this network's gateway: " + address.prefix.to_string() +
                       "; use the same subnet or another bridge, or set forceAddress to replace "
                       "it");
}

void clear_conflict(World& world, const Attachment& attachment,
                    const netlink::InterfaceAddress& address, const base::IpPrefix& gateway,
                    base::Rollback& undo) {
  const netlink::Link bridge = gateway_link(world);
  if (!attachment.bridge_port->force_address) refuse_conflict(bridge, address, gateway);
  const base::IpPrefix prefix = address.prefix;
  perform(
      undo, "removal of " + prefix.to_string() + " from bridge " + bridge.name,
      [&] { return netlink::remove_address(world.host, bridge, prefix); },
      [&world, bridge, prefix] { netlink::add_address(world.host, bridge, prefix, {}); });
}

void add_gateway(World& world, const Attachment& attachment, const Addresses& seen,
                 const base::IpPrefix& gateway, base::Rollback& undo) {
  if (has(seen, gateway)) return;
  const netlink::Link bridge = gateway_link(world);
  for (const auto& address : seen) {
    if (conflicts(address, gateway, attachment.bridge_port->gateways)) {
      clear_conflict(world, attachment, address, gateway, undo);
    }
  }
  perform(
      undo, "address " + gateway.to_string() + " of bridge " + bridge.name,
      [&] { return netlink::add_address(world.host, bridge, gateway, {}); },
      [&world, bridge, gateway] { withdraw(world, bridge, gateway); });
}

// Who is on the bridge would find the host and the container by it.
void refuse_own_addresses(const Attachment& attachment, const Addresses& seen) {
  for (const auto& own : seen) {
    for (const auto& address : attachment.addresses) {
      if (own.prefix.address() == address.prefix.address())
        throw cni::Error(cni::Code::kConflict,
                         own.prefix.address().to_string() + " is an address of the host itself");
    }
  }
}

void apply(World& world, Attachment& attachment, base::Rollback& undo) {
  if (!attachment.bridge_port || attachment.bridge_port->gateways.empty()) return;
  const Addresses seen = netlink::addresses_of(world.host, gateway_link(world));
  refuse_own_addresses(attachment, seen);
  for (const auto& gateway : attachment.bridge_port->gateways)
    add_gateway(world, attachment, seen, gateway, undo);
}

void check(World& world, const Attachment& attachment, Findings& findings) {
  if (!attachment.bridge_port || !world.bridge) return;
  if (attachment.bridge_port->vlan_gateway && !world.vlan_gateway) return;
  const Addresses seen = netlink::addresses_of(world.host, gateway_link(world));
  for (const auto& gateway : attachment.bridge_port->gateways) {
    if (!has(seen, gateway)) {
      findings.push_back("gateway address " + gateway.to_string() + " is missing on bridge " +
                         gateway_link(world).name);
    }
  }
}

void restore(World& world, const Attachment& attachment, Findings& restored) {
  if (!attachment.bridge_port || !world.bridge) return;
  if (attachment.bridge_port->vlan_gateway && !world.vlan_gateway) return;
  const Addresses seen = netlink::addresses_of(world.host, gateway_link(world));
  for (const auto& gateway : attachment.bridge_port->gateways) {
    if (has(seen, gateway)) continue;
    all_or_nothing(
        [&](base::Rollback& undo) { add_gateway(world, attachment, seen, gateway, undo); });
    restored.push_back("gateway address " + gateway.to_string() + " of bridge " +
                       gateway_link(world).name);
  }
}

// The bridge keeps its address for the others.
void remove(World&, const Attachment&) {}

}  // namespace

void foresee_gateways(netlink::Socket& host, const Attachment& plan) {
  if (!plan.bridge_port || plan.bridge_port->force_address) return;
  const auto& port = *plan.bridge_port;
  const auto bridge =
      netlink::find_link(host, port.vlan_gateway ? port.vlan_gateway->name : port.bridge);
  if (!bridge || port.gateways.empty()) return;
  const Addresses seen = netlink::addresses_of(host, *bridge);
  for (const auto& gateway : port.gateways) {
    if (has(seen, gateway)) continue;
    for (const auto& address : seen) {
      if (conflicts(address, gateway, port.gateways)) refuse_conflict(*bridge, address, gateway);
    }
  }
}

const Step kGateway = {
    .name = "gateway", .apply = apply, .check = check, .remove = remove, .restore = restore};

}  // namespace steps
