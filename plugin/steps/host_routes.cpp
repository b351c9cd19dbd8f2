// The host's routes to containers, where no subnet of the host's leads to them.
#include "netlink/route.h"
#include "plugin/cni/error.h"
#include "plugin/steps/step.h"
#include "plugin/steps/world.h"

namespace steps {
namespace {

using attachment::Attachment;

// A container with a link of its own needs one for each address.
std::vector<base::IpPrefix> addresses_behind_link(const Attachment& attachment) {
  std::vector<base::IpPrefix> addresses;
  if (!attachment.routed_port && !attachment.ptp_port) return addresses;
  for (const auto& address : attachment.addresses)
    addresses.push_back(base::IpPrefix::host(address.prefix.address()));
  return addresses;
}

// On a bridge, behind a gateway of ours, those that are in no subnet of the bridge's.
std::vector<base::IpPrefix> addresses_behind_bridge(const Attachment& attachment) {
  std::vector<base::IpPrefix> addresses;
  if (!attachment.bridge_port || attachment.bridge_port->gateways.empty()) return addresses;
  for (const auto& address : attachment.addresses) {
    if (address.prefix.is_host()) addresses.push_back(address.prefix);
  }
  return addresses;
}

std::optional<netlink::Link> find_way(World& world, const Attachment& attachment) {
  if (!attachment.bridge_port) return world.host_end;
  return netlink::find_link(world.host, attachment::host_side_of(attachment));
}

netlink::Route make_route(const Attachment& attachment, const base::IpPrefix& address,
                          const netlink::Link& way) {
  netlink::Route route{.destination = address, .out_link = way.index};
  constexpr std::uint8_t kScopeHost = 254;  // as the reference ptp has it
  if (attachment.ptp_port) route.scope = kScopeHost;
  return route;
}

// The host's route is what makes an address a container's, so it decides who has it, whatever the
// records say: the kernel takes one of two at once, and one that is there is never replaced. A
// container that is gone has taken its pair with it, and the kernel the route: what is there leads
// to one that lives, or is somebody's decision. One of the host's own addresses, or a route of
// another metric, would have the packets all the same.
// Through a bridge one may be there still of a container whose record was lost.
void claim(World& world, const netlink::Route& wanted, bool is_bridge) {
  const auto claimed = netlink::claim_address(world.host, wanted);
  if (claimed.is_made && !claimed.earlier) return;
  if (is_bridge && claimed.earlier && claimed.earlier->out_link == wanted.out_link) return;
  const std::string address = wanted.destination.address().to_string();
  constexpr std::uint8_t kLocal = 2;  // RTN_LOCAL
  if (claimed.earlier && claimed.earlier->type == kLocal)
    throw cni::Error(cni::Code::kConflict, address + " is an address of the host itself");
  const auto owner =
      claimed.earlier ? netlink::find_link(world.host, claimed.earlier->out_link) : std::nullopt;
  std::string through;
  if (owner)
    through = " through " + owner->name + (owner->alias.empty() ? "" : " (" + owner->alias + ")");
  throw cni::Error(cni::Code::kConflict, "the host has a route to " +
                                             wanted.destination.to_string() + through + " already");
}

using Addresses = std::vector<base::IpPrefix>;

void claim_all(World& world, const Attachment& attachment, const Addresses& addresses,
               base::Rollback& undo) {
  if (addresses.empty()) return;
  const auto way = find_way(world, attachment);
  for (const auto& address : addresses) {
    const auto route = make_route(attachment, address, way.value());
    claim(world, route, attachment.bridge_port.has_value());
    if (!attachment.bridge_port) continue;
    undo.add("host route " + address.to_string(),
             [&world, route] { (void)netlink::remove_route(world.host, route); });
  }
}

void check_all(World& world, const Attachment& attachment, const Addresses& addresses,
               Findings& findings) {
  if (addresses.empty()) return;
  const auto way = find_way(world, attachment);
  if (!way) return;  // which is found elsewhere
  for (const auto& address : addresses) {
    const auto seen = netlink::match_route(world.host, address.address());
    const std::string what = "host route " + address.to_string();
    if (!seen || seen->destination != address) {
      findings.push_back(what + " is missing");
    } else if (seen->out_link != way->index) {
      findings.push_back(what + " does not lead to " + way->name);
    }
  }
}

void restore_all(World& world, const Attachment& attachment, const Addresses& addresses,
                 Findings& restored) {
  if (addresses.empty()) return;
  const auto way = find_way(world, attachment);
  if (!way) return;
  for (const auto& address : addresses) {
    const auto seen = netlink::match_route(world.host, address.address());
    if (seen && seen->destination == address && seen->out_link == way->index) continue;
    claim(world, make_route(attachment, address, *way), attachment.bridge_port.has_value());
    restored.push_back("host route " + address.to_string());
  }
}

void apply(World& world, Attachment& attachment, base::Rollback& undo) {
  claim_all(world, attachment, addresses_behind_link(attachment), undo);
}

void check(World& world, const Attachment& attachment, Findings& findings) {
  check_all(world, attachment, addresses_behind_link(attachment), findings);
}

void restore(World& world, const Attachment& attachment, Findings& restored) {
  restore_all(world, attachment, addresses_behind_link(attachment), restored);
}

// They go with the interface.
void remove(World&, const Attachment&) {}

void apply_bridged(World& world, Attachment& attachment, base::Rollback& undo) {
  claim_all(world, attachment, addresses_behind_bridge(attachment), undo);
}

void check_bridged(World& world, const Attachment& attachment, Findings& findings) {
  check_all(world, attachment, addresses_behind_bridge(attachment), findings);
}

void restore_bridged(World& world, const Attachment& attachment, Findings& restored) {
  restore_all(world, attachment, addresses_behind_bridge(attachment), restored);
}

void remove_bridged(World& world, const Attachment& attachment) {
  const auto addresses = addresses_behind_bridge(attachment);
  if (addresses.empty()) return;
  const auto way = find_way(world, attachment);
  for (const auto& address : addresses) {
    if (way) (void)netlink::remove_route(world.host, make_route(attachment, address, *way));
  }
}

}  // namespace

const Step kHostRoutes = {
    .name = "host routes", .apply = apply, .check = check, .remove = remove, .restore = restore};
const Step kBridgeRoutes = {.name = "bridge routes",
                            .apply = apply_bridged,
                            .check = check_bridged,
                            .remove = remove_bridged,
                            .restore = restore_bridged};

}  // namespace steps
