// doctor's conditions of the kernel: forwarding, filters, nftables, bridges.
#include "plugin/ruleset/kernel.h"

#include <algorithm>
#include <array>

#include "netlink/error.h"
#include "netlink/nft/query.h"
#include "netlink/route.h"
#include "netlink/sysctl.h"
#include "plugin/config/network.h"
#include "plugin/operator/commands/doctor/doctor.h"
#include "plugin/operator/kube_proxy.h"
#include "plugin/ruleset/foreign.h"

namespace tool {
namespace {

bool forwards_for(const Patient& patient, base::Family family) {
  return std::any_of(patient.sightings.begin(), patient.sightings.end(),
                     [&](const Sighting& sighting) {
                       const auto& forward = sighting.attachment.forward;
                       return std::find(forward.begin(), forward.end(), family) != forward.end();
                     });
}

bool any_bridge_attachment(const Patient& patient) {
  return std::any_of(
      patient.sightings.begin(), patient.sightings.end(),
      [](const Sighting& sighting) { return sighting.attachment.bridge_port.has_value(); });
}

void look_at_forwarding(const Patient& patient, Diagnoses& found) {
  struct Setting {
    base::Family family;
    const char* key;
  };
  constexpr std::array<Setting, 2> kSettings = {
      {{base::Family::kIpv4, "net/ipv4/ip_forward"},
       {base::Family::kIpv6, "net/ipv6/conf/all/forwarding"}}};
  for (const auto& [family, key] : kSettings) {
    if (!forwards_for(patient, family) || netlink::read_sysctl(key) != "0") continue;
    std::string name(key);
    std::replace(name.begin(), name.end(), '/', '.');
    found.push_back({.name = "forwarding-off",
                     .is_error = true,
                     .text = name + " is 0, and containers rely on the node to forward " +
                             std::string(base::family_name(family)),
                     .remedy = "sysctl -w " + name +
                               "=1, and see who turns it off: a file in "
                               "/etc/sysctl.d, or a firewall"});
  }
}

void look_at_ipv6(const Patient& patient, Diagnoses& found) {
  const bool wanted =
      std::any_of(patient.files.begin(), patient.files.end(), [](const ConfigurationFile& file) {
        const auto subnets = subnets_of({file});
        return std::any_of(subnets.begin(), subnets.end(), [](const Subnet& subnet) {
          return subnet.prefix.family() == base::Family::kIpv6;
        });
      });
  if (!wanted) return;
  const auto value = netlink::read_sysctl("net/ipv6/conf/all/disable_ipv6");
  if (value == "0") return;
  found.push_back(
      {.name = "ipv6-off",
       .is_error = true,
       .text = value ? "net.ipv6.conf.all.disable_ipv6 is 1, and a network has IPv6 "
                       "addresses to give"
                     : "this kernel has no IPv6, and a network has IPv6 addresses to give",
       .remedy = "sysctl -w net.ipv6.conf.all.disable_ipv6=0, or take the IPv6 range "
                 "out of the configuration"});
}

// With this setting every bridged frame goes through the rules of the routing path, once more than
// it should. That is the kernel's default and does no harm by itself; and it is what answers of
// Services are translated back by (services.cpp), so where kube-proxy is it stays.
void look_at_bridge_netfilter(const Patient& patient, netlink::Socket& netfilter,
                              Diagnoses& found) {
  if (!any_bridge_attachment(patient)) return;
  if (netlink::read_sysctl("net/bridge/bridge-nf-call-iptables") != "1") return;
  const netlink::nft::Table nat_table{.family = netlink::nft::TableFamily::kIpv4, .name = "nat"};
  const auto nat = netlink::nft::find_chain(netfilter, nat_table, "POSTROUTING");
  const bool is_needed = find_kube_proxy(patient.node.socket(), base::Family::kIpv4).has_value();
  const bool drops = ruleset::drops_forwarded(netfilter, base::Family::kIpv4);
  const bool translates = nat && nat->use > 0 && !is_needed;
  if (!drops && !translates) return;
  found.push_back(
      {.name = "bridge-netfilter",
       .is_error = false,
       .text = std::string("net.bridge.bridge-nf-call-iptables is 1, so frames between containers "
                           "of one bridge pass iptables' rules for routed packets too: ") +
               (drops ? "FORWARD drops what it does not know" : "") +
               (drops && translates ? ", and " : "") +
               (translates ? "POSTROUTING translates addresses of what never leaves the bridge, "
                             "and once more of what is also routed (NAT twice)"
                           : ""),
       .remedy = is_needed ? "accept the containers' subnets in FORWARD, or iptables -P FORWARD "
                             "ACCEPT; kube-proxy needs the setting as it is"
                           : "sysctl -w net.bridge.bridge-nf-call-iptables=0"});
}

// The kernel takes the stricter one of "all" and the interface's own.
void look_at_reverse_path(const Patient& patient, Diagnoses& found) {
  if (netlink::read_sysctl("net/ipv4/conf/all/rp_filter") == "1") {
    std::vector<std::string> uplinks;
    for (const auto& route : netlink::default_routes(patient.node.socket(), base::Family::kIpv4)) {
      const auto* link = patient.node.find(route.out_link);
      if (link != nullptr) uplinks.push_back(link->name);
    }
    std::sort(uplinks.begin(), uplinks.end());
    uplinks.erase(std::unique(uplinks.begin(), uplinks.end()), uplinks.end());
    if (uplinks.size() > 1) {
      found.push_back({.name = "rp-filter-strict",
                       .is_error = false,
                       .text = "net.ipv4.conf.all.rp_filter is 1 and default routes lead through " +
                               uplinks[0] + " and " + uplinks[1] +
                               ": what comes in by the one that is not preferred is dropped",
                       .remedy = "sysctl -w net.ipv4.conf.all.rp_filter=2"});
    }
  }
  for (const auto& sighting : patient.sightings) {
    if (!sighting.host_end || sighting.state == State::kGone) continue;
    const std::string& name = sighting.host_end->name;
    if (sighting.attachment.bridge_port || sighting.state == State::kOther) continue;
    if (netlink::read_sysctl("net/ipv4/conf/" + name + "/rp_filter") != "0") continue;
    if (netlink::read_sysctl("net/ipv4/conf/all/rp_filter") != "0") continue;
    found.push_back({.name = "rp-filter-off",
                     .is_error = false,
                     .text = "net.ipv4.conf." + name + ".rp_filter is 0: container " +
                             title_of(sighting) + " can send with any source address",
                     .remedy = "patchcord reconcile; systemd's 50-default.conf or another file in "
                               "/etc/sysctl.d may have changed it"});
  }
}

void look_at_forward_policy(const Patient& patient, netlink::Socket& netfilter, Diagnoses& found) {
  struct Place {
    base::Family family;
    const char* shown;
  };
  constexpr std::array<Place, 2> kPlaces = {
      {{base::Family::kIpv4, "iptables"}, {base::Family::kIpv6, "ip6tables"}}};
  for (const auto& [family, shown] : kPlaces) {
    if (!forwards_for(patient, family) || !ruleset::drops_forwarded(netfilter, family)) continue;
    found.push_back({.name = "forward-policy-drop",
                     .is_error = false,
                     .text = std::string("the policy of ") + shown +
                             "' FORWARD chain is DROP: what is sent to and from containers "
                             "passes only where a rule accepts it",
                     .remedy = std::string(shown) + " -P FORWARD ACCEPT, or accept the "
                                                    "containers' subnets before it"});
  }
}

void look_at_firewall(const Patient& patient, Diagnoses& found) {
  try {
    netlink::Socket netfilter = ruleset::open_nftables();
    look_at_bridge_netfilter(patient, netfilter, found);
    look_at_forward_policy(patient, netfilter, found);
  } catch (const netlink::Error& error) {
    found.push_back({.name = "nftables-missing",
                     .is_error = false,
                     .text = std::string("nftables does not answer: ") + error.what(),
                     .remedy = "load nf_tables, or use a kernel with CONFIG_NF_TABLES; masquerade, "
                               "host ports and isolation need it"});
  }
}

unsigned mtu_of_uplink(const Patient& patient) {
  for (const auto family : {base::Family::kIpv4, base::Family::kIpv6}) {
    for (const auto& route : netlink::default_routes(patient.node.socket(), family)) {
      const auto* link = patient.node.find(route.out_link);
      if (link != nullptr) return link->mtu;
    }
  }
  return 0;
}

void look_at_mtu(const Patient& patient, Diagnoses& found) {
  const unsigned uplink = mtu_of_uplink(patient);
  for (const auto& sighting : patient.sightings) {
    if (!sighting.host_end) continue;
    const unsigned own = sighting.host_end->mtu;
    const auto* bridge = patient.node.find(sighting.host_end->master);
    const bool above_uplink = uplink != 0 && own > uplink && !sighting.attachment.forward.empty();
    const bool above_bridge = bridge != nullptr && own > bridge->mtu;
    if (!above_uplink && !above_bridge) continue;
    const std::string other = above_bridge
                                  ? "bridge " + bridge->name + " has " + std::to_string(bridge->mtu)
                                  : "the uplink has " + std::to_string(uplink);
    found.push_back({.name = "mtu-mismatch",
                     .is_error = false,
                     .text = "container " + title_of(sighting) + " has an MTU of " +
                             std::to_string(own) + ", and " + other +
                             ": large packets are dropped, or cut into pieces",
                     .remedy = R"("mtu": "auto" in the network's configuration)"});
    return;  // one is enough to know
  }
}

}  // namespace

void look_at_kernel(const Patient& patient, Diagnoses& found) {
  look_at_forwarding(patient, found);
  look_at_ipv6(patient, found);
  look_at_reverse_path(patient, found);
  look_at_firewall(patient, found);
  look_at_mtu(patient, found);
}

}  // namespace tool
