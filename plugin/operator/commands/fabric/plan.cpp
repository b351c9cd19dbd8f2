// What a node's place in the fabric is: cluster.json, and where that says nothing the default
// routes.
#include <algorithm>

#include "netlink/address.h"
#include "netlink/link.h"
#include "netlink/route.h"
#include "plugin/cni/error.h"
#include "plugin/operator/commands/fabric/fabric.h"

namespace tool {
namespace {

using base::Family;
using cni::Code;

template <typename Item, typename FamilyOf>
std::vector<Item> of_family(const std::vector<Item>& all, Family family, FamilyOf family_of) {
  std::vector<Item> some;
  std::copy_if(all.begin(), all.end(), std::back_inserter(some),
               [&](const Item& each) { return family_of(each) == family; });
  return some;
}

std::vector<netlink::Route> all_default_routes(netlink::Socket& host) {
  auto routes = netlink::default_routes(host, Family::kIpv4);
  for (auto& route : netlink::default_routes(host, Family::kIpv6)) routes.push_back(route);
  return routes;
}

void find_uplinks(netlink::Socket& host, FabricPlan& plan) {
  plan.uplinks = plan.fabric.uplinks;
  for (const auto& route : all_default_routes(host)) {
    const auto link = netlink::find_link(host, route.out_link);
    if (!plan.fabric.uplinks.empty() || !link) continue;
    if (std::find(plan.uplinks.begin(), plan.uplinks.end(), link->name) == plan.uplinks.end())
      plan.uplinks.push_back(link->name);
  }
  if (!plan.uplinks.empty()) return;
  throw cni::Error(Code::kFile, plan.fabric.path +
                                    " names no fabric.uplinks, and there is no default route that "
                                    "tells where the other nodes are");
}

bool is_usable(const netlink::InterfaceAddress& address) {
  return !address.prefix.address().is_link_local() && !address.prefix.address().is_loopback();
}

void look_at_addresses(netlink::Socket& host, FabricPlan& plan) {
  for (const auto& name : plan.uplinks) {
    const auto link = netlink::find_link(host, name);
    if (!link) throw cni::Error(Code::kFile, plan.fabric.path + ": there is no interface " + name);
    for (const auto& address : netlink::addresses_of(host, *link)) {
      if (!is_usable(address)) continue;
      plan.subnets.push_back(address.prefix.network());
      if (!plan.router_id && address.prefix.address().is_v4())
        plan.router_id = address.prefix.address();
    }
  }
  const auto lo = netlink::find_link(host, "lo");
  if (!lo) return;
  for (const auto& address : netlink::addresses_of(host, *lo)) {
    if (is_usable(address) && address.prefix.address().is_v4() && !plan.loopback)
      plan.loopback = address.prefix.address();
  }
}

void find_reflectors(netlink::Socket& host, FabricPlan& plan) {
  if (!plan.fabric.reflectors.empty() || plan.is_reflector) return;
  for (const auto& route : all_default_routes(host)) {
    if (route.gateway && !route.gateway->is_link_local())
      plan.fabric.reflectors.push_back(*route.gateway);
  }
}

void require_all(FabricPlan& plan) {
  const std::string& path = plan.fabric.path;
  if (plan.fabric.pools.empty() && plan.evpn != "bridge") {
    throw cni::Error(Code::kFile,
                     "there is no pool on this node, and " + path +
                         " has no fabric.pools: there is nothing to announce",
                     "patchcord pool add NAME CIDR, or {\"fabric\": {\"pools\": [{\"cidrs\": "
                     "[\"10.50.0.0/16\"], \"block\": 26}]}} on a router");
  }
  if (plan.is_unnumbered) {
    if (plan.loopback) plan.router_id = plan.loopback;
    if (!plan.loopback && !plan.is_reflector)
      throw cni::Error(Code::kFile,
                       "lo has no address of IPv4, by which an unnumbered node is reached",
                       "ip address add ADDRESS/32 dev lo");
    return;
  }
  if (plan.is_reflector && plan.fabric.nodes.empty()) plan.fabric.nodes = plan.subnets;
  if (plan.is_reflector ? plan.fabric.nodes.empty() : plan.fabric.reflectors.empty()) {
    throw cni::Error(Code::kFile,
                     path + (plan.is_reflector ? " has no fabric.nodes, from where nodes may call"
                                               : " has no fabric.reflectors, and no default route "
                                                 "has a gateway that could be one"));
  }
}

}  // namespace

std::vector<config::Announced> FabricPlan::pools(Family family) const {
  return of_family(fabric.pools, family, [](const auto& each) { return each.cidr.family(); });
}

std::vector<base::IpAddress> FabricPlan::reflectors(Family family) const {
  return of_family(fabric.reflectors, family, [](const auto& each) { return each.family(); });
}

std::vector<base::IpPrefix> FabricPlan::nodes(Family family) const {
  return of_family(fabric.nodes, family, [](const auto& each) { return each.family(); });
}

bool FabricPlan::is_on_link(const base::IpAddress& address) const {
  return std::any_of(subnets.begin(), subnets.end(),
                     [&](const auto& subnet) { return subnet.contains(address); });
}

FabricPlan plan_fabric(const Call& call, netlink::Socket& host) {
  FabricPlan plan{.fabric = config::read_fabric(call.environment),
                  .is_reflector = call.arguments.has(kReflectorOption.name),
                  .is_unnumbered = call.arguments.has(kUnnumberedOption.name),
                  .evpn = call.arguments.value(kEvpnOption.name).value_or("")};
  find_uplinks(host, plan);
  look_at_addresses(host, plan);
  find_reflectors(host, plan);
  require_all(plan);
  return plan;
}

std::string session_name(std::string_view prefix, std::size_t number) {
  return std::string(prefix) + std::to_string(number + 1);
}

}  // namespace tool
