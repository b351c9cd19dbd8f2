// The container's routes.
#include <algorithm>
#include <map>

#include "netlink/route.h"
#include "plugin/cni/error.h"
#include "plugin/steps/step.h"

namespace steps {
namespace {

using attachment::Attachment;

// Whose only subnet is its own address has its next hops in none.
bool has_subnet_with(const Attachment& attachment, const base::IpAddress& next_hop) {
  return std::any_of(attachment.addresses.begin(), attachment.addresses.end(),
                     [&](const auto& address) {
                       return address.prefix.family() == next_hop.family() &&
                              (!address.prefix.is_host() || address.prefix.contains(next_hop));
                     });
}

// The next hop of a routed container is in none of its subnets, and behind a ptp port the only
// neighbour is the gateway: another next hop is taken at its word.
bool is_onlink(const Attachment& attachment, const base::IpAddress& next_hop) {
  if (attachment.routed_port) return true;
  if (!attachment.ptp_port) return !has_subnet_with(attachment, next_hop);
  const auto& gateways = attachment.ptp_port->gateways;
  return std::find(gateways.begin(), gateways.end(), next_hop) == gateways.end();
}

netlink::Route to_kernel(const Attachment& attachment, const cni::Route& route, int out_link) {
  return {.destination = route.destination.network(),
          .gateway = route.gateway,
          .out_link = out_link,
          .source = std::nullopt,
          .scope = route.scope,
          .table = route.table,
          .priority = route.priority,
          .mtu = route.mtu,
          .advmss = route.advmss,
          .onlink = route.gateway && is_onlink(attachment, *route.gateway),
          .link_name = attachment.key.ifname};
}

// A container on two networks that both bring a default route keeps the first one's; the second
// gets a metric of its own, greater than any that the kernel gives by itself, so that which one
// counts does not depend on chance.
std::uint32_t second_default_metric(const netlink::Link& link) {
  constexpr std::uint32_t kAboveKernelDefault = 2048;  // IP6_RT_PRIO_USER is 1024
  return kAboveKernelDefault + static_cast<std::uint32_t>(link.index);
}

void apply(World& world, Attachment& attachment, base::Rollback&) {
  if (!attachment.pair.container_up) return;
  for (cni::Route& route : attachment.routes) {
    const int out_link = world.container_end->index;
    if (netlink::add_route(*world.container, to_kernel(attachment, route, out_link))) continue;
    if (route.destination.is_default() && route.priority == 0) {
      route.priority = second_default_metric(*world.container_end);
      world.amended = true;
      if (netlink::add_route(*world.container, to_kernel(attachment, route, out_link))) continue;
    }
    throw cni::Error(cni::Code::kConflict,
                     "the container has a route to " + route.destination.to_string() +
                         " of that metric already; give this network's route another priority");
  }
}

constexpr std::uint32_t kMainTable = 254;

// A later plugin that routes by source moves what is of no table in particular to one of its own.
bool is_same(const netlink::Route& seen, const netlink::Route& wanted) {
  // The kernel gives an IPv6 route without a metric 1024 (IP6_RT_PRIO_USER).
  const std::uint32_t unset = wanted.destination.family() == base::Family::kIpv6 ? 1024 : 0;
  return seen.destination == wanted.destination && seen.gateway == wanted.gateway &&
         (!wanted.table || seen.table.value_or(kMainTable) == *wanted.table) &&
         seen.priority == (wanted.priority != 0 ? wanted.priority : unset) &&
         seen.mtu == wanted.mtu && seen.advmss == wanted.advmss;
}

struct Lack {
  netlink::Route wanted;
  std::optional<netlink::Route> altered;  // what the interface has in its place
};

bool is_in_place_of(const netlink::Route& seen, const netlink::Route& wanted) {
  if (seen.table.value_or(kMainTable) != wanted.table.value_or(kMainTable)) return false;
  netlink::Route same = seen;
  same.gateway = wanted.gateway;
  same.mtu = wanted.mtu;
  same.advmss = wanted.advmss;
  return is_same(same, wanted);
}

std::vector<Lack> find_lacks(World& world, const Attachment& attachment) {
  if (!world.container_end || attachment.routes.empty()) return {};
  std::multimap<base::IpPrefix, netlink::Route> seen;
  for (const auto& route : netlink::routes_through(*world.container, world.container_end->index))
    seen.emplace(route.destination, route);
  std::vector<Lack> lacks;
  for (const cni::Route& route : attachment.routes) {
    const auto wanted = to_kernel(attachment, route, world.container_end->index);
    const auto [first, last] = seen.equal_range(wanted.destination);
    const auto is_wanted = [&](const auto& one) { return is_same(one.second, wanted); };
    if (std::any_of(first, last, is_wanted)) continue;
    const auto other = std::find_if(
        first, last, [&](const auto& one) { return is_in_place_of(one.second, wanted); });
    lacks.push_back({wanted, other == last ? std::nullopt : std::optional(other->second)});
  }
  return lacks;
}

std::string describe(const netlink::Route& route, const Attachment& attachment) {
  return "route " + route.destination.to_string() +
         (route.gateway ? " via " + route.gateway->to_string() : "") + " on container interface " +
         attachment.key.ifname;
}

void check(World& world, const Attachment& attachment, Findings& findings) {
  for (const Lack& lack : find_lacks(world, attachment))
    findings.push_back(describe(lack.wanted, attachment) + " is missing");
}

void restore(World& world, const Attachment& attachment, Findings& restored) {
  if (!attachment.pair.container_up) return;
  for (const Lack& lack : find_lacks(world, attachment)) {
    const std::string what = describe(lack.wanted, attachment);
    if (lack.altered) (void)netlink::remove_route(*world.container, *lack.altered);
    if (!netlink::add_route(*world.container, lack.wanted)) {
      throw cni::Error(cni::Code::kConflict,
                       what + " cannot be put back: another interface has one to there");
    }
    restored.push_back(what);
  }
}

// They go with the interface.
void remove(World&, const Attachment&) {}

}  // namespace

const Step kRoutes = {
    .name = "routes", .apply = apply, .check = check, .remove = remove, .restore = restore};

}  // namespace steps
