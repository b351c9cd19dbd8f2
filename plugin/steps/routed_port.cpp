// Mode routed: the host end answers for everything (proxy ARP, proxy NDP), and the container knows
// it by permanent neighbours.
#include <algorithm>
#include <array>

#include <linux/ip.h>

#include "netlink/address.h"
#include "netlink/neighbour.h"
#include "netlink/route.h"
#include "netlink/sysctl.h"
#include "plugin/steps/step.h"
#include "plugin/steps/world.h"

// The container believes that everything is on its link, behind a next hop that needs no address of
// the node: 169.254.1.1 and fe80::1. The permanent neighbour entries make that work on a node
// without a default route, where proxy ARP stays silent about 169.254.1.1 (arp_process answers only
// for what it can route through another interface), and save the first packet's ARP round trip.
// Proxy ARP and NDP are on all the same, for containers that look for a neighbour of their own
// accord.

namespace steps {
namespace {

using attachment::Attachment;

struct Ipv4Setting {
  int number;  // IPV4_DEVCONF_*
  std::uint32_t value;
  std::string_view name;
};
// rp_filter is strict: the only way back to a container's address is through its own interface.
constexpr std::array<Ipv4Setting, 3> kIpv4 = {{{IPV4_DEVCONF_PROXY_ARP, 1, "proxy_arp"},
                                               {IPV4_DEVCONF_FORWARDING, 1, "forwarding"},
                                               {IPV4_DEVCONF_RP_FILTER, 1, "rp_filter"}}};

struct Ipv6Setting {
  std::string_view name;
  std::string_view value;
};
constexpr std::array<Ipv6Setting, 3> kIpv6 = {
    {{"accept_dad", "0"}, {"proxy_ndp", "1"}, {"forwarding", "1"}}};

constexpr unsigned kPermanent = 0x80;  // NUD_PERMANENT
const netlink::AddressOptions kLinkLocal = {.scope = 253 /* RT_SCOPE_LINK */};

void apply_ipv4(World& world, const std::string& host_name) {
  netlink::LinkChange change;
  for (const auto& setting : kIpv4) change.ipv4.emplace_back(setting.number, setting.value);
  netlink::change_link(world.host, host_name, change);
  // The kernel delays a proxied answer by up to 0.8 s, a random time, unless told otherwise
  // (neighbour.c, pneigh_enqueue).
  netlink::write_sysctl("net/ipv4/neigh/" + host_name + "/proxy_delay", "0");
}

void apply_ipv6(World& world, const base::IpAddress& next_hop) {
  const netlink::Link& link = *world.host_end;
  for (const auto& setting : kIpv6)
    netlink::write_sysctl(ipv6_key(link.name, setting.name), setting.value);
  netlink::add_address(world.host, link, {next_hop, 64}, kLinkLocal);
}

void apply(World& world, Attachment& attachment, base::Rollback&) {
  if (!attachment.routed_port) return;
  for (const auto& next_hop : attachment.routed_port->next_hops) {
    if (next_hop.is_v4()) {
      apply_ipv4(world, attachment.pair.host_name);
    } else {
      apply_ipv6(world, next_hop);
    }
    netlink::set_permanent_neighbour(*world.container, world.container_end->index, next_hop,
                                     attachment.pair.host_mac);
  }
}

Setting look_at_ipv4(const std::vector<std::uint32_t>& values, const std::string& link,
                     const Ipv4Setting& wanted) {
  const auto at = static_cast<std::size_t>(wanted.number - 1);
  Setting setting{.name = "sysctl net/ipv4/conf/" + link + "/" + std::string(wanted.name),
                  .wanted = std::to_string(wanted.value)};
  if (at < values.size()) setting.seen = std::to_string(values[at]);
  setting.is_right = setting.seen == setting.wanted;
  return setting;
}

void list_settings_of(World& world, const base::IpAddress& next_hop, Settings& settings) {
  const netlink::Link& link = *world.host_end;
  if (next_hop.is_v4()) {
    const auto values = netlink::ipv4_settings(world.host, link.index);
    for (const auto& setting : kIpv4) settings.push_back(look_at_ipv4(values, link.name, setting));
    return;
  }
  for (const auto& setting : kIpv6)
    settings.push_back(look_at_sysctl(ipv6_key(link.name, setting.name), setting.value));
}

void list_settings(World& world, const Attachment& attachment, Settings& settings) {
  if (!attachment.routed_port || !world.host_end) return;
  for (const auto& next_hop : attachment.routed_port->next_hops)
    list_settings_of(world, next_hop, settings);
}

void check_host_end(World& world, const base::IpAddress& next_hop, Findings& findings) {
  Settings settings;
  list_settings_of(world, next_hop, settings);
  find_wrong(settings, findings);
  if (next_hop.is_v4()) return;
  const auto addresses = netlink::addresses_of(world.host, *world.host_end);
  const bool present = std::any_of(addresses.begin(), addresses.end(), [&](const auto& address) {
    return address.prefix.address() == next_hop;
  });
  if (!present)
    findings.push_back("address " + next_hop.to_string() + " is missing on host interface " +
                       world.host_end->name);
}

// Whether a container that asks for its next hop is answered: fe80::1 is the host end's own
// address, 169.254.1.1 is answered for where the node has a way to it by another link.
bool is_answered(World& world, const base::IpAddress& next_hop) {
  if (!next_hop.is_v4()) return true;
  const auto route = netlink::match_route(world.host, next_hop);
  return route && route->out_link != world.host_end->index;
}

// A later plugin that gives the container another MAC has the kernel forget permanent neighbours
// with the others; what is learnt in their place does.
bool may_learn(World& world, const Attachment& attachment, const base::IpAddress& next_hop) {
  return world.container_end->mac != attachment.pair.container_mac && is_answered(world, next_hop);
}

void check(World& world, const Attachment& attachment, Findings& findings) {
  if (!attachment.routed_port || !world.host_end || !world.container_end) return;
  for (const auto& next_hop : attachment.routed_port->next_hops) {
    check_host_end(world, next_hop, findings);
    if (may_learn(world, attachment, next_hop)) continue;
    const auto neighbour =
        netlink::find_neighbour(*world.container, world.container_end->index, next_hop);
    const std::string what = "neighbour entry of " + next_hop.to_string() +
                             " on container interface " + attachment.key.ifname;
    if (!neighbour) {
      findings.push_back(what + " is missing");
    } else if (neighbour->mac != world.host_end->mac || (neighbour->state & kPermanent) == 0) {
      findings.push_back(what + " is not the permanent one");
    }
  }
}

bool has_neighbour(World& world, const base::IpAddress& next_hop) {
  const auto neighbour =
      netlink::find_neighbour(*world.container, world.container_end->index, next_hop);
  return neighbour && neighbour->mac == world.host_end->mac && (neighbour->state & kPermanent) != 0;
}

void restore(World& world, const Attachment& attachment, Findings& restored) {
  if (!attachment.routed_port || !world.host_end || !world.container_end) return;
  for (const auto& next_hop : attachment.routed_port->next_hops) {
    Findings missing;
    check_host_end(world, next_hop, missing);
    if (!missing.empty()) {
      if (next_hop.is_v4()) {
        apply_ipv4(world, world.host_end->name);
      } else {
        apply_ipv6(world, next_hop);
      }
      restored.push_back(std::string(base::family_name(next_hop.family())) +
                         " settings of host interface " + world.host_end->name);
    }
    if (has_neighbour(world, next_hop)) continue;
    netlink::set_permanent_neighbour(*world.container, world.container_end->index, next_hop,
                                     world.host_end->mac.value_or(attachment.pair.host_mac));
    restored.push_back("neighbour entry of " + next_hop.to_string() + " on container interface " +
                       attachment.key.ifname);
  }
}

// All of it goes with the interface.
void remove(World&, const Attachment&) {}

}  // namespace

const Step kRoutedPort = {.name = "routed port",
                          .apply = apply,
                          .check = check,
                          .remove = remove,
                          .restore = restore,
                          .settings = list_settings};

}  // namespace steps
