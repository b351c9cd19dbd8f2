// A configuration of FRR (docs/cluster.md).
#include "plugin/operator/commands/fabric/fabric.h"
#include "plugin/operator/format.h"

namespace tool {
namespace {

using base::Family;

constexpr std::uint32_t kFirstPrivateAs = 4'200'000'000;

std::string address_family(Family family) {
  return family == Family::kIpv4 ? "ipv4" : "ipv6";
}

std::string pool_name(Family family) {
  return family == Family::kIpv4 ? "POOL" : "POOL6";
}

std::string group_of(const FabricPlan& plan, Family family) {
  return std::string(plan.is_reflector ? "NODES" : "RR") + (family == Family::kIpv4 ? "" : "6");
}

bool has_prefixes(const FabricPlan& plan, Family family) {
  return !plan.pools(family).empty();
}

// zebra cannot tell whose a route in the kernel is (its protocol's number): the length has to say
// that it is a block and no pod.
std::string prefix_lists(const FabricPlan& plan, Family family) {
  std::string text;
  unsigned sequence = 0;
  for (const auto& pool : plan.pools(family)) {
    text += (family == Family::kIpv4 ? "ip" : "ipv6") + std::string(" prefix-list ") +
            pool_name(family) + " seq " + std::to_string(sequence += 5) + " permit " +
            pool.cidr.to_string();
    if (pool.block > pool.cidr.length()) {
      const std::string length = std::to_string(pool.block);
      text += " ge " + length + " le " + length;
    }
    text += "\n";
  }
  if (text.empty()) return text;
  // A next hop behind a router comes with an address that is good on the router's link only, and
  // which would be taken first.
  if (family == Family::kIpv6)
    text +=
        "route-map FROM6 permit 10\n match ipv6 address prefix-list POOL6\n set ipv6 next-hop "
        "prefer-global\nexit\n";
  if (plan.is_reflector) return text;
  const std::string map = family == Family::kIpv4 ? "BLOCKS" : "BLOCKS6";
  return text + "route-map " + map + " permit 10\n match " +
         (family == Family::kIpv4 ? "ip" : "ipv6") + " address prefix-list " + pool_name(family) +
         "\nexit\n";
}

std::string head(const FabricPlan& plan) {
  std::string text = "! /etc/frr/frr.conf, by `patchcord fabric config frr" +
                     std::string(plan.is_reflector ? " --reflector" : "") +
                     (plan.is_unnumbered ? " --unnumbered" : "") +
                     (plan.evpn.empty() ? "" : " --evpn " + plan.evpn) +
                     "`. No block and no pod stands in it.\n"
                     "! /etc/frr/daemons has to have bgpd=yes.\n";
  const std::string vni = std::to_string(plan.fabric.vni);
  if (plan.evpn == "bridge" && !plan.is_reflector) {
    text +=
        "! What it goes by (BRIDGE is the network's, whose mtu is 50 less than the fabric's):\n"
        "!   ip link add vx" +
        vni + " mtu 1450 type vxlan id " + vni +
        " dstport 4789 local NODE_IP nolearning\n!   ip link set vx" + vni +
        " master BRIDGE\n!   bridge link set dev vx" + vni +
        " neigh_suppress on learning off\n!   ip link set vx" + vni + " up\n";
  }
  if (plan.evpn == "routed" && !plan.is_reflector) {
    text +=
        "! What it goes by (the networks' mtu is 50 less than the fabric's, and the MAC the node's "
        "own):\n"
        "!   ip link add vtep type bridge\n!   ip link set vtep address 02:50:43:00:00:01 mtu 1450 "
        "up\n"
        "!   ip link add vx" +
        vni + " mtu 1450 type vxlan id " + vni +
        " dstport 4789 local NODE_IP nolearning\n!   ip link set vx" + vni +
        " master vtep addrgenmode none\n!   bridge link set dev vx" + vni +
        " learning off\n!   ip link set vx" + vni + " up\n";
  }
  return text + "frr defaults datacenter\nhostname " + plan.fabric.node +
         "\nlog syslog informational\n"
         "! Next hops behind a router are looked up through the default route.\n"
         "ip nht resolve-via-default\nipv6 nht resolve-via-default\n" +
         (plan.evpn == "routed" && !plan.is_reflector ? "vni " + vni + "\n" : "") + "!\n";
}

std::string neighbours(const FabricPlan& plan, Family family) {
  const std::string group = group_of(plan, family);
  std::string text;
  if (plan.is_reflector) {
    for (const auto& range : plan.nodes(family))
      text += " bgp listen range " + range.to_string() + " peer-group " + group + "\n";
  } else {
    for (const auto& address : plan.reflectors(family))
      text += " neighbor " + address.to_string() + " peer-group " + group + "\n";
  }
  if (text.empty()) return text;
  return " neighbor " + group + " peer-group\n neighbor " + group + " remote-as " +
         std::to_string(plan.fabric.as) + "\n" + text;
}

// A bridge's own subnet is a connected route, which zebra prefers to the block's.
std::string redistributed(Family family, std::string_view indent) {
  const std::string map = family == Family::kIpv4 ? "BLOCKS" : "BLOCKS6";
  return std::string(indent) + "redistribute kernel route-map " + map + "\n" + std::string(indent) +
         "redistribute connected route-map " + map + "\n";
}

std::string unicast(const FabricPlan& plan, Family family) {
  if (!has_prefixes(plan, family)) return {};
  const std::string group = group_of(plan, family);
  std::string text = " address-family " + address_family(family) + " unicast\n";
  if (!plan.is_reflector) text += redistributed(family, "  ");
  if (plan.evpn != "routed" && !neighbours(plan, family).empty()) {
    text += "  neighbor " + group + " activate\n  neighbor " + group +
            (family == Family::kIpv4 ? " prefix-list POOL in\n" : " route-map FROM6 in\n");
    if (plan.is_reflector) text += "  neighbor " + group + " route-reflector-client\n";
  }
  return text + " exit-address-family\n";
}

std::string evpn(const FabricPlan& plan) {
  if (plan.evpn.empty()) return {};
  std::string text = " address-family l2vpn evpn\n";
  for (const auto family : {Family::kIpv4, Family::kIpv6}) {
    const std::string group = group_of(plan, family);
    if (neighbours(plan, family).empty()) continue;
    text += "  neighbor " + group + " activate\n";
    if (plan.is_reflector) text += "  neighbor " + group + " route-reflector-client\n";
  }
  if (!plan.is_reflector) text += "  advertise-all-vni\n";
  if (plan.evpn == "routed" && !plan.is_reflector) {
    for (const auto family : {Family::kIpv4, Family::kIpv6}) {
      if (!has_prefixes(plan, family)) continue;
      text += "  advertise " + address_family(family) + " unicast route-map " +
              (family == Family::kIpv4 ? "BLOCKS" : "BLOCKS6") + "\n";
    }
  }
  return text + " exit-address-family\n";
}

std::string numbered(const FabricPlan& plan) {
  std::string text = "router bgp " + std::to_string(plan.fabric.as) + "\n";
  // Not the gateway's address of a bridge, which all nodes have.
  if (plan.router_id) text += " bgp router-id " + plan.router_id->to_string() + "\n";
  if (plan.is_reflector) {
    if (plan.router_id) text += " bgp cluster-id " + plan.router_id->to_string() + "\n";
    text += " bgp listen limit 5000\n";
  }
  text += " no bgp default ipv4-unicast\n";
  text += neighbours(plan, Family::kIpv4) + neighbours(plan, Family::kIpv6);
  if (plan.evpn != "bridge") text += unicast(plan, Family::kIpv4) + unicast(plan, Family::kIpv6);
  return text + evpn(plan) + "exit\n";
}

// Each node is an AS of its own, and what it is called by is the number of its address.
std::uint32_t own_as(const FabricPlan& plan) {
  if (plan.fabric.as != 0) return plan.fabric.as;
  if (!plan.router_id) return kUsualAs;
  std::uint32_t number = 0;
  for (const auto byte : plan.router_id->bytes().last(3)) number = number << 8U | byte;
  return kFirstPrivateAs + number;
}

std::string unnumbered(const FabricPlan& plan) {
  std::string text;
  if (plan.loopback && !plan.is_reflector) {
    text += "ip prefix-list ME seq 5 permit " + plan.loopback->to_string() +
            "/32\nroute-map LO permit 10\n match ip address prefix-list ME\nexit\n"
            "route-map LO permit 20\n match ip address prefix-list POOL\nexit\n!\n";
  }
  text += "router bgp " + std::to_string(own_as(plan)) + "\n";
  if (plan.router_id) text += " bgp router-id " + plan.router_id->to_string() + "\n";
  text += " no bgp ebgp-requires-policy\n bgp bestpath as-path multipath-relax\n";
  for (const auto& name : plan.uplinks)
    text += " neighbor " + name + " interface remote-as external\n";
  text += " address-family ipv4 unicast\n";
  if (plan.is_reflector) {
    for (const auto& name : plan.uplinks) text += "  neighbor " + name + " default-originate\n";
  } else {
    text += "  redistribute kernel route-map BLOCKS\n  redistribute connected route-map LO\n";
  }
  text += " exit-address-family\n";
  if (!plan.pools(Family::kIpv6).empty()) {
    text += " address-family ipv6 unicast\n";
    if (!plan.is_reflector) text += redistributed(Family::kIpv6, "  ");
    for (const auto& name : plan.uplinks) text += "  neighbor " + name + " activate\n";
    text += " exit-address-family\n";
  }
  return text + "exit\n";
}

}  // namespace

std::string frr_configuration(const FabricPlan& given) {
  FabricPlan plan = given;
  if (plan.fabric.as == 0 && !plan.is_unnumbered) plan.fabric.as = kUsualAs;
  std::string text = head(plan);
  if (plan.evpn != "bridge")
    text += prefix_lists(plan, Family::kIpv4) + prefix_lists(plan, Family::kIpv6) + "!\n";
  return text + (plan.is_unnumbered ? unnumbered(plan) : numbered(plan));
}

}  // namespace tool
