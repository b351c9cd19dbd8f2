// Type ptp: the gateways' addresses on the host end, and the container's routes through them.
#include <algorithm>

#include "netlink/address.h"
#include "netlink/route.h"
#include "netlink/sysctl.h"
#include "plugin/steps/step.h"
#include "plugin/steps/world.h"

// As the reference ptp wires containers: the host end has the gateway's address, as a /32 or /128,
// and the container reaches its own subnet through it. The kernel's own subnet route, which would
// look for neighbours on a link that has none, was not made (see addresses.cpp).

namespace steps {
namespace {

using attachment::Attachment;

// In the order in which they can be added: first the way to each gateway.
std::vector<netlink::Route> container_routes(const Attachment& attachment, int out_link) {
  std::vector<netlink::Route> to_gateways;
  std::vector<netlink::Route> to_subnets;
  for (const auto& address : attachment.addresses) {
    const base::IpAddress& own = address.prefix.address();
    to_gateways.push_back({.destination = base::IpPrefix::host(*address.gateway),
                           .out_link = out_link,
                           .source = own});
    if (address.prefix == base::IpPrefix::host(own)) continue;  // a subnet of its own
    to_subnets.push_back({.destination = address.prefix.network(),
                          .gateway = address.gateway,
                          .out_link = out_link,
                          .source = own});
  }
  to_gateways.insert(to_gateways.end(), to_subnets.begin(), to_subnets.end());
  return to_gateways;
}

// The container's end is down still: no address of the host end has been looked for on the link. As
// long as its link-local one is tentative, the host could not ask for the container's MAC.
void add_gateway(World& world, const base::IpAddress& gateway) {
  const netlink::Link& link = *world.host_end;
  if (!gateway.is_v4()) netlink::write_sysctl(ipv6_key(link.name, "accept_dad"), "0");
  netlink::add_address(world.host, link, base::IpPrefix::host(gateway), {});
}

void apply_host_end(World& world, Attachment& attachment, base::Rollback&) {
  if (!attachment.ptp_port) return;
  for (const auto& gateway : attachment.ptp_port->gateways) add_gateway(world, gateway);
}

bool has(const std::vector<netlink::InterfaceAddress>& seen, const base::IpAddress& wanted) {
  return std::any_of(seen.begin(), seen.end(),
                     [&](const auto& address) { return address.prefix.address() == wanted; });
}

void check_host_end(World& world, const Attachment& attachment, Findings& findings) {
  if (!attachment.ptp_port || !world.host_end) return;
  const auto seen = netlink::addresses_of(world.host, *world.host_end);
  for (const auto& gateway : attachment.ptp_port->gateways) {
    if (!has(seen, gateway))
      findings.push_back("address " + gateway.to_string() + " is missing on host interface " +
                         world.host_end->name);
  }
}

void restore_host_end(World& world, const Attachment& attachment, Findings& restored) {
  if (!attachment.ptp_port || !world.host_end) return;
  const auto seen = netlink::addresses_of(world.host, *world.host_end);
  for (const auto& gateway : attachment.ptp_port->gateways) {
    if (has(seen, gateway)) continue;
    add_gateway(world, gateway);
    restored.push_back("address " + gateway.to_string() + " of host interface " +
                       world.host_end->name);
  }
}

void apply_routes(World& world, Attachment& attachment, base::Rollback&) {
  if (!attachment.ptp_port) return;
  // Addresses may share a gateway or a subnet: then the first one's route serves for all.
  for (const auto& route : container_routes(attachment, world.container_end->index))
    (void)netlink::add_route(*world.container, route);
}

std::vector<netlink::Route> missing_routes(World& world, const Attachment& attachment) {
  if (!attachment.ptp_port || !world.container_end) return {};
  const auto seen = netlink::routes_through(*world.container, world.container_end->index);
  auto missing = container_routes(attachment, world.container_end->index);
  std::erase_if(missing, [&](const netlink::Route& wanted) {
    return std::any_of(seen.begin(), seen.end(),
                       [&](const auto& route) { return route.destination == wanted.destination; });
  });
  return missing;
}

void check_routes(World& world, const Attachment& attachment, Findings& findings) {
  for (const auto& wanted : missing_routes(world, attachment)) {
    findings.push_back("route " + wanted.destination.to_string() + " on container interface " +
                       attachment.key.ifname + " is missing");
  }
}

void restore_routes(World& world, const Attachment& attachment, Findings& restored) {
  if (!attachment.pair.container_up) return;
  for (const auto& wanted : missing_routes(world, attachment)) {
    if (!netlink::add_route(*world.container, wanted)) continue;
    restored.push_back("route " + wanted.destination.to_string() + " on container interface " +
                       attachment.key.ifname);
  }
}

// All of it goes with the pair.
void remove(World&, const Attachment&) {}

}  // namespace

const Step kPtpPort = {.name = "ptp port",
                       .apply = apply_host_end,
                       .check = check_host_end,
                       .remove = remove,
                       .restore = restore_host_end};
const Step kPtpRoutes = {.name = "ptp routes",
                         .apply = apply_routes,
                         .check = check_routes,
                         .remove = remove,
                         .restore = restore_routes};

}  // namespace steps
