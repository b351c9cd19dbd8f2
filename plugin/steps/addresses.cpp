// The container's addresses, and its interface up.
#include <algorithm>

#include <linux/ip.h>

#include "netlink/address.h"
#include "netlink/bridge.h"
#include "netlink/monitor.h"
#include "netlink/route.h"
#include "plugin/cni/error.h"
#include "plugin/steps/step.h"
#include "plugin/steps/world.h"

namespace steps {
namespace {

using attachment::Attachment;

constexpr std::chrono::seconds kDadPatience{10};

std::vector<netlink::InterfaceAddress> seen_addresses(World& world) {
  return netlink::addresses_of(*world.container, *world.container_end);
}

bool failed_dad(const std::vector<netlink::InterfaceAddress>& seen) {
  return std::any_of(seen.begin(), seen.end(),
                     [](const auto& address) { return address.failed_dad(); });
}

void wait_for_dad(World& world, const Attachment& attachment) {
  netlink::Monitor monitor(*world.container_namespace, world.host_namespace);
  std::vector<netlink::InterfaceAddress> seen;
  const bool settled = monitor.wait_until(
      [&] {
        seen = seen_addresses(world);
        return failed_dad(seen) || std::none_of(seen.begin(), seen.end(), [](const auto& address) {
                 return address.is_tentative();
               });
      },
      kDadPatience);
  const std::string what = "duplicate address detection on " + attachment.key.ifname;
  if (failed_dad(seen))
    throw cni::Error(cni::Code::kConflict,
                     what + " failed: another host has an address of this container");
  if (!settled) throw cni::Error(cni::Code::kKernel, what + " did not end within 10 s");
}

bool add(World& world, const Attachment& attachment, const base::IpPrefix& address) {
  return netlink::add_address(*world.container, *world.container_end, address,
                              {.skip_dad = !attachment.pair.enable_dad,
                               .no_prefix_route = attachment.ptp_port.has_value()});
}

// The kernel forms it as the interface comes up, but takes a moment to find it usable even where it
// looks for no duplicate: who is asked from it in that moment is asked again in a second.
void add_link_local(World& world, const Attachment& attachment) {
  if (!attachment::has_family(attachment, base::Family::kIpv6)) return;
  (void)netlink::add_address(*world.container, *world.container_end,
                             {base::link_local_of(attachment.pair.container_mac), 64}, {});
}

// With arp_notify a change of the MAC, be it to the same one, tells the neighbours (see
// announce_addresses).
netlink::LinkChange bring_up(const Attachment& attachment) {
  netlink::LinkChange change{.up = true};
  if (attachment.bridge_port) change.ipv4.emplace_back(IPV4_DEVCONF_ARP_NOTIFY, 1);
  return change;
}

void set_up(World& world, const Attachment& attachment) {
  const bool dad = attachment.pair.enable_dad;
  if (!dad) add_link_local(world, attachment);
  netlink::change_link(*world.container, *world.container_end, bring_up(attachment));
  if (dad && !attachment.addresses.empty()) wait_for_dad(world, attachment);
}

void apply(World& world, Attachment& attachment, base::Rollback&) {
  for (const auto& address : attachment.addresses) (void)add(world, attachment, address.prefix);
  if (attachment.pair.container_up && !rules_come_first(world, attachment))
    set_up(world, attachment);
}

// Where the ADD fails, its rules go before its interface does, and it must not be up then.
void set_host_end_up(World& world, Attachment& attachment, base::Rollback& undo) {
  if (!rules_come_first(world, attachment)) return;
  const netlink::Link link = *world.host_end;
  const auto set_host_end = [&world, link](bool up) {
    netlink::change_link(world.host, link, {.up = up});
    return true;
  };
  perform(
      undo, "host interface " + link.name + ", up", [&] { return set_host_end(true); },
      [set_host_end] { set_host_end(false); });
}

void apply_after_rules(World& world, Attachment& attachment, base::Rollback& undo) {
  if (!rules_come_first(world, attachment)) return;
  set_host_end_up(world, attachment, undo);
  if (attachment.pair.container_up) set_up(world, attachment);
}

// As little as before its rules came may it say when they have gone, which is a moment before its
// interface goes.
void shut(World& world, const Attachment& attachment) {
  if (!attachment.antispoof || !attachment.bridge_port) return;
  const auto link = netlink::find_link(world.host, attachment.pair.host_name);
  if (link && link->bridge_port && link->alias == attachment::alias_of(attachment.key))
    netlink::shut_bridge_port(world.host, *link);
}

// The kernel makes the route to an address's subnet with the address, and nobody makes it again if
// it is flushed: without it no gateway can be reached. It looks as the kernel's own.
std::vector<netlink::Route> missing_subnet_routes(World& world, const Attachment& attachment) {
  std::vector<netlink::Route> missing;
  if (attachment.ptp_port || !attachment.pair.container_up || !world.container_end) return missing;
  const int link = world.container_end->index;
  auto seen = netlink::routes_through(*world.container, link);
  std::erase_if(seen, [&](const auto& route) { return is_source_route(route, attachment); });
  for (const auto& address : attachment.addresses) {
    if (address.prefix.is_host()) continue;
    const base::IpPrefix subnet = address.prefix.network();
    if (std::any_of(seen.begin(), seen.end(),
                    [&](const auto& route) { return route.destination == subnet; }))
      continue;
    constexpr std::uint8_t kProtocolKernel = 2;
    constexpr std::uint32_t kIpv6Metric = 256;  // IP6_RT_PRIO_ADDRCONF
    netlink::Route route{.destination = subnet, .out_link = link, .protocol = kProtocolKernel};
    if (subnet.family() == base::Family::kIpv4) {
      route.source = address.prefix.address();
    } else {
      route.priority = kIpv6Metric;
    }
    missing.push_back(route);
  }
  return missing;
}

void check_subnet_routes(World& world, const Attachment& attachment, Findings& findings) {
  // The routes of an interface that is down are gone with that, which is found elsewhere.
  if (!world.container_end->is_up()) return;
  for (const auto& route : missing_subnet_routes(world, attachment)) {
    findings.push_back("route " + route.destination.to_string() + " on container interface " +
                       attachment.key.ifname + " is missing");
  }
}

void check(World& world, const Attachment& attachment, Findings& findings) {
  if (!world.container_end) return;
  const auto seen = seen_addresses(world);
  for (const auto& address : attachment.addresses) {
    const std::string what = "address " + address.prefix.to_string() + " on container interface " +
                             attachment.key.ifname;
    const auto at = std::find_if(seen.begin(), seen.end(),
                                 [&](const auto& one) { return one.prefix == address.prefix; });
    if (at == seen.end()) {
      findings.push_back(what + " is missing");
    } else if (at->failed_dad()) {
      findings.push_back(what + " is a duplicate of another host's");
    }
  }
  check_subnet_routes(world, attachment, findings);
}

void restore(World& world, const Attachment& attachment, Findings& restored) {
  if (!world.container_end) return;
  const netlink::Link& link = *world.container_end;
  const std::string where = "container interface " + attachment.key.ifname;
  for (const auto& address : attachment.addresses) {
    if (add(world, attachment, address.prefix))
      restored.push_back("address " + address.prefix.to_string() + " of " + where);
  }
  if (attachment.pair.container_up && !link.is_up()) {
    if (!attachment.pair.enable_dad) add_link_local(world, attachment);
    netlink::change_link(*world.container, link, {.up = true});
    restored.push_back(where + ", up");
  }
  for (const auto& route : missing_subnet_routes(world, attachment)) {
    if (netlink::add_route(*world.container, route))
      restored.push_back("route " + route.destination.to_string() + " on " + where);
  }
}

void check_nothing(World&, const Attachment&, Findings&) {}
// They go with the interface.
void remove(World&, const Attachment&) {}

}  // namespace

const Step kAddresses = {
    .name = "addresses", .apply = apply, .check = check, .remove = remove, .restore = restore};
const Step kUpAfterRules = {
    .name = "interface up", .apply = apply_after_rules, .check = check_nothing, .remove = shut};
const Step kHostEndEarly = {.name = "early host interface",
                            .apply = set_host_end_up,
                            .check = check_nothing,
                            .remove = remove};

}  // namespace steps
