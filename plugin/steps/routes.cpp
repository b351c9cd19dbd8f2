// The container's routes.
#include <algorithm>
#include <map>

#include "netlink/route.h"
#include "plugin/cni/error.h"
#include "plugin/steps/step.h"
#include "plugin/steps/world.h"

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

}  // namespace

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

std::vector<std::vector<std::size_t>> find_multipaths(const std::vector<cni::Route>& routes) {
  std::vector<std::vector<std::size_t>> bundles;
  for (std::size_t i = 0; i < routes.size(); ++i) {
    cni::Route alike = routes[i];
    const auto at = std::find_if(bundles.begin(), bundles.end(), [&](const auto& bundle) {
      alike.gateway = routes[bundle.front()].gateway;
      return alike == routes[bundle.front()];
    });
    if (at == bundles.end()) {
      bundles.push_back({i});
    } else if (std::none_of(at->begin(), at->end(),
                            [&](auto each) { return routes[each] == routes[i]; })) {
      at->push_back(i);
    }
  }
  return bundles;
}

bool add_to_kernel(netlink::Socket& container, const Attachment& attachment,
                   std::span<const netlink::Route> hops) {
  if (netlink::add_route(container, hops)) return true;
  const netlink::Route& route = hops.front();
  const bool is_own_subnet =
      std::any_of(attachment.addresses.begin(), attachment.addresses.end(),
                  [&](const auto& each) { return each.prefix.network() == route.destination; });
  return is_own_subnet && route.gateway && netlink::add_route_before(container, hops);
}

namespace {

using Bundle = std::vector<std::size_t>;

std::vector<netlink::Route> hops_of(const Attachment& attachment, const Bundle& bundle,
                                    int out_link) {
  std::vector<netlink::Route> hops;
  for (const std::size_t each : bundle)
    hops.push_back(to_kernel(attachment, attachment.routes[each], out_link));
  return hops;
}

// A container on two networks that both lead to somewhere keeps the first one's route; the second
// gets a metric of its own, greater than any that the kernel gives by itself and than the one that
// it asked for, so that which one counts does not depend on chance.
std::uint32_t second_metric(const cni::Route& route, const netlink::Link& link) {
  constexpr std::uint32_t kAboveKernelDefault = 2048;  // IP6_RT_PRIO_USER is 1024
  return (route.priority != 0 ? route.priority : kAboveKernelDefault) +
         static_cast<std::uint32_t>(link.index);
}

void apply(World& world, Attachment& attachment, base::Rollback&) {
  if (!attachment.pair.container_up) return;
  const netlink::Link& link = *world.container_end;
  for (const Bundle& bundle : find_multipaths(attachment.routes)) {
    if (add_to_kernel(*world.container, attachment, hops_of(attachment, bundle, link.index)))
      continue;
    cni::Route& first = attachment.routes[bundle.front()];
    const std::uint32_t metric = second_metric(first, link);
    for (const std::size_t each : bundle) attachment.routes[each].priority = metric;
    world.amended = true;
    if (add_to_kernel(*world.container, attachment, hops_of(attachment, bundle, link.index)))
      continue;
    throw cni::Error(cni::Code::kConflict,
                     "the container has a route to " + first.destination.to_string() +
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

// The one to a subnet that the kernel makes with an address is in nobody's place.
bool is_in_place_of(const netlink::Route& seen, const netlink::Route& wanted) {
  constexpr std::uint8_t kProtocolKernel = 2;
  if (seen.protocol == kProtocolKernel) return false;
  if (seen.table.value_or(kMainTable) != wanted.table.value_or(kMainTable)) return false;
  netlink::Route same = seen;
  same.gateway = wanted.gateway;
  same.mtu = wanted.mtu;
  same.advmss = wanted.advmss;
  return is_same(same, wanted);
}

struct Lack {
  std::vector<netlink::Route> wanted;   // all next hops of the route
  std::vector<netlink::Route> missing;  // of these
  std::vector<netlink::Route> altered;  // what the interface has in its place
};

using Seen = std::multimap<base::IpPrefix, netlink::Route>;

Seen look_at_routes(World& world, const Attachment& attachment) {
  Seen seen;
  for (const auto& route : netlink::routes_through(*world.container, world.container_end->index)) {
    if (!is_source_route(route, attachment)) seen.emplace(route.destination, route);
  }
  return seen;
}

std::vector<Lack> find_lacks(World& world, const Attachment& attachment) {
  if (!world.container_end || attachment.routes.empty()) return {};
  const Seen seen = look_at_routes(world, attachment);
  std::vector<Lack> lacks;
  for (const Bundle& bundle : find_multipaths(attachment.routes)) {
    Lack lack{.wanted = hops_of(attachment, bundle, world.container_end->index)};
    const auto [first, last] = seen.equal_range(lack.wanted.front().destination);
    for (const auto& hop : lack.wanted) {
      if (std::none_of(first, last, [&](const auto& one) { return is_same(one.second, hop); }))
        lack.missing.push_back(hop);
    }
    if (lack.missing.empty()) continue;
    for (auto one = first; one != last; ++one) {
      if (is_in_place_of(one->second, lack.wanted.front())) lack.altered.push_back(one->second);
    }
    lacks.push_back(std::move(lack));
  }
  if (!lacks.empty() && is_routed_by_others(world, attachment)) lacks.clear();
  return lacks;
}

std::string describe(const netlink::Route& route, const Attachment& attachment) {
  return "route " + route.destination.to_string() +
         (route.gateway ? " via " + route.gateway->to_string() : "") + " on container interface " +
         attachment.key.ifname;
}

void check(World& world, const Attachment& attachment, Findings& findings) {
  for (const Lack& lack : find_lacks(world, attachment)) {
    for (const auto& route : lack.missing)
      findings.push_back(describe(route, attachment) + " is missing");
  }
}

void restore(World& world, const Attachment& attachment, Findings& restored) {
  if (!attachment.pair.container_up) return;
  for (const Lack& lack : find_lacks(world, attachment)) {
    for (const auto& route : lack.altered) (void)netlink::remove_route(*world.container, route);
    if (!add_to_kernel(*world.container, attachment, lack.wanted)) {
      throw cni::Error(cni::Code::kConflict,
                       describe(lack.missing.front(), attachment) +
                           " cannot be put back: another interface has one to there");
    }
    for (const auto& route : lack.missing) restored.push_back(describe(route, attachment));
  }
}

// They go with the interface.
void remove(World&, const Attachment&) {}

}  // namespace

const Step kRoutes = {
    .name = "routes", .apply = apply, .check = check, .remove = remove, .restore = restore};

}  // namespace steps
