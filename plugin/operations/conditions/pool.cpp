// Conditions of a network's addresses: what of the node is in the pool, or takes it away.
#include <algorithm>

#include "netlink/address.h"
#include "netlink/link.h"
#include "plugin/operations/conditions/network.h"

namespace conditions {
namespace {

using attachment::Attachment;
using netlink::Link;

bool is_given(const Subject& subject, const base::IpAddress& address) {
  return std::any_of(subject.pool.begin(), subject.pool.end(), [&](const ipam::RangeSet& set) {
    return std::any_of(set.begin(), set.end(), [&](const ipam::Range& range) {
      return range.contains(address) && range.gateway != address;
    });
  });
}

bool is_gateway(const Subject& subject, const base::IpAddress& address) {
  if (subject.plan.routed_port) return false;
  return std::any_of(subject.pool.begin(), subject.pool.end(), [&](const ipam::RangeSet& set) {
    return std::any_of(set.begin(), set.end(),
                       [&](const ipam::Range& range) { return range.gateway == address; });
  });
}

// The bridge, the gateway of its VLAN, or the host end of a container.
bool is_ours(const Attachment& plan, const Link& link) {
  constexpr auto kMask = attachment::kGroupMask;
  if (plan.bridge_port)
    return link.name == plan.bridge_port->bridge || link.name == attachment::host_side_of(plan);
  return link.kind == "veth" && (link.group & kMask) == attachment::kGroupOfContainers;
}

// Before it and behind it.
std::string ranges_without(const Subject& subject, const base::IpAddress& address) {
  for (const auto& set : subject.pool) {
    for (const auto& range : set) {
      if (!range.contains(address)) continue;
      const std::string subnet = R"({"subnet": ")" + range.subnet.to_string() + "\"";
      std::string text;
      if (range.first != address)
        text += subnet + R"(, "rangeStart": ")" + range.first.to_string() + R"(", "rangeEnd": ")" +
                address.previous().to_string() + "\"}";
      if (range.last != address)
        text += (text.empty() ? "" : ", ") + subnet + R"(, "rangeStart": ")" +
                address.next().to_string() + R"(", "rangeEnd": ")" + range.last.to_string() + "\"}";
      return "[" + text + "]";
    }
  }
  return {};
}

bool is_wider(const base::IpPrefix& left, const base::IpPrefix& right) {
  return left.length() < right.length();
}

// A wider one through a next hop stays behind ours; where it has none, its hosts are on the link.
bool takes_away(const netlink::Route& route, const base::IpPrefix& subnet) {
  constexpr std::uint8_t kUnicast = 1;
  if (route.type != kUnicast || route.destination.is_default()) return false;
  if (!route.destination.overlaps(subnet)) return false;
  return !route.gateway || !is_wider(route.destination, subnet);
}

// As large, behind it, that no route leads into.
std::string free_subnet(const Subject& subject, const base::IpPrefix& subnet) {
  constexpr int kTries = 256;
  base::IpPrefix candidate = subnet;
  for (int tries = 0; tries < kTries; ++tries) {
    candidate = base::IpPrefix(candidate.last().next(), subnet.length());
    const bool taken =
        std::any_of(subject.routes.begin(), subject.routes.end(), [&](const netlink::Route& route) {
          return !route.destination.is_default() && route.destination.overlaps(candidate);
        });
    if (!taken) return candidate.to_string();
  }
  return {};
}

// A bridge that has the network's gateway address and is none of its own by now was made for it
// when it had another mode, or another bridge.
void tell_former_bridge(const Subject& subject, const base::IpPrefix& subnet, const Link& link,
                        Diagnosis& diagnosis) {
  if (link.kind != "bridge") return;
  const auto seen = netlink::addresses_of(subject.host, link);
  const bool has_gateway = std::any_of(seen.begin(), seen.end(), [&](const auto& address) {
    return address.prefix.network() == subnet &&
           address.prefix.address() == subnet.address().next();
  });
  if (!has_gateway) return;
  const auto ports = netlink::ports_of(subject.host, link.index).size();
  const std::string remove = "ip link del " + link.name;
  if (ports == 0) {
    diagnosis.remedy = "a former configuration of the network left it";
    diagnosis.command = remove;
    return;
  }
  diagnosis.remedy =
      "a former configuration of the network left it; when the containers on it are gone (" +
      std::to_string(ports) + (ports == 1 ? " port" : " ports") + "), " + remove;
}

void look_for_routes(const Subject& subject, const base::IpPrefix& subnet, Diagnoses& found) {
  for (const auto& route : subject.routes) {
    if (!takes_away(route, subnet)) continue;
    const auto link = netlink::find_link(subject.host, route.out_link);
    if (!link || link->name == "lo" || is_ours(subject.plan, *link)) continue;
    if (link->kind == "veth" && route.destination.is_host()) continue;
    const std::string other = free_subnet(subject, subnet);
    Diagnosis diagnosis{
        .name = "route-conflict",
        .is_error = true,
        .text = "the node routes " + route.destination.to_string() + " through " + link->name +
                ", and network " + subject.network + " gives addresses of " + subnet.to_string(),
        .remedy = "give the network another subnet" + (other.empty() ? "" : ", such as " + other) +
                  ", or remove the route",
        .about = {subject.network}};
    tell_former_bridge(subject, subnet, *link, diagnosis);
    found.push_back(std::move(diagnosis));
  }
}

// What a route takes away may be the node's own, too; then it is one cause.
Diagnosis* find_conflict(Diagnoses& found, const std::string& link) {
  const auto at = std::find_if(found.begin(), found.end(), [&](const Diagnosis& diagnosis) {
    return diagnosis.name == "route-conflict" &&
           diagnosis.text.find(" through " + link + ",") != std::string::npos;
  });
  return at == found.end() ? nullptr : &*at;
}

// The gateway is on the network's own bridge, or on the containers' links.
void look_at_own_address(const Subject& subject, const base::IpAddress& address, const Link& link,
                         Diagnoses& found) {
  const bool given = is_given(subject, address);
  if (!given && (!is_gateway(subject, address) || is_ours(subject.plan, link))) return;
  if (auto* conflict = find_conflict(found, link.name)) {
    conflict->text += "; its own " + address.to_string() + " is among them";
    return;
  }
  const std::string place = address.to_string() + " is an address of the node's, on " + link.name;
  Diagnosis diagnosis{.name = "own-address-in-pool", .is_error = true, .about = {subject.network}};
  diagnosis.text = given ? place + ", and network " + subject.network + " gives it"
                         : place + ", and the gateway of network " + subject.network;
  diagnosis.remedy = given ? "give ranges without it: " + ranges_without(subject, address)
                           : "give the network another subnet, or another gateway";
  found.push_back(std::move(diagnosis));
}

void look_for_own_addresses(const Subject& subject, Diagnoses& found) {
  for (const auto& each : netlink::all_addresses(subject.host)) {
    const auto& address = each.prefix.address();
    if (!is_given(subject, address) && !is_gateway(subject, address)) continue;
    const auto link = netlink::find_link(subject.host, each.link);
    if (link) look_at_own_address(subject, address, *link, found);
  }
}

void look_for_next_hops(const Subject& subject, Diagnoses& found) {
  for (const auto& route : subject.routes) {
    if (!route.gateway || !is_given(subject, *route.gateway)) continue;
    const auto link = netlink::find_link(subject.host, route.out_link);
    if (auto* conflict = link ? find_conflict(found, link->name) : nullptr) {
      conflict->text += "; its next hop " + route.gateway->to_string() + " is among them";
      continue;
    }
    found.push_back({.name = "next-hop-in-pool",
                     .is_error = true,
                     .text = route.gateway->to_string() + " is the node's next hop to " +
                             route.destination.to_string() + ", and network " + subject.network +
                             " gives it: the node would lose its way there",
                     .remedy = "give ranges without it: " + ranges_without(subject, *route.gateway),
                     .about = {subject.network}});
  }
}

}  // namespace

void look_at_pool(const Subject& subject, Diagnoses& found) {
  if (subject.pool.empty()) return;
  for (const auto& set : subject.pool) {
    for (const auto& range : set) look_for_routes(subject, range.subnet.network(), found);
  }
  look_for_own_addresses(subject, found);
  look_for_next_hops(subject, found);
}

}  // namespace conditions
