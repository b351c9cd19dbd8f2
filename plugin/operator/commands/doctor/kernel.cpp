// doctor's conditions of the kernel: forwarding, filters, nftables, bridges.
#include "plugin/ruleset/kernel.h"

#include <algorithm>
#include <array>

#include "netlink/error.h"
#include "netlink/nft/query.h"
#include "netlink/route.h"
#include "netlink/sysctl.h"
#include "plugin/config/network.h"
#include "plugin/operations/conditions/network.h"
#include "plugin/operations/shared/mtu.h"
#include "plugin/operator/commands/doctor/doctor.h"
#include "plugin/operator/kube_proxy.h"
#include "plugin/ruleset/foreign.h"

namespace tool {
namespace {

// Of its own, or of a type behind another plugin's.
bool has_ports_in(const Sighting& sighting, base::Family family) {
  const auto has = [&](const attachment::Attachment& attachment) {
    if (!attachment.host_ports) return false;
    const auto& targets = attachment.host_ports->targets;
    return std::any_of(targets.begin(), targets.end(),
                       [&](const auto& target) { return target.address.family() == family; });
  };
  return has(sighting.attachment) ||
         std::any_of(sighting.chained.begin(), sighting.chained.end(),
                     [&](const ChainedRecord& record) { return has(record.attachment); });
}

std::vector<std::string> forwarded_for(const Patient& patient, base::Family family) {
  std::vector<std::string> titles;
  for (const auto& sighting : patient.sightings) {
    const auto& forward = sighting.attachment.forward;
    const bool relies = std::find(forward.begin(), forward.end(), family) != forward.end();
    if (sighting.state != State::kGone && (relies || has_ports_in(sighting, family)))
      titles.push_back(title_of(sighting));
  }
  return titles;
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
    if (netlink::read_sysctl(key) != "0") continue;
    auto titles = forwarded_for(patient, family);
    if (titles.empty()) continue;
    std::string name(key);
    std::replace(name.begin(), name.end(), '/', '.');
    found.push_back({.name = "forwarding-off",
                     .is_error = true,
                     .text = name + " is 0, and containers rely on the node to forward " +
                             std::string(base::family_name(family)),
                     .remedy = "see who turns it off: a file in /etc/sysctl.d, or a firewall",
                     .command = "sysctl -w " + name + "=1",
                     .about = std::move(titles)});
  }
}

void look_at_ipv6(const Patient& patient, Diagnoses& found) {
  std::vector<std::string> networks;
  for (const auto& subnet : subnets_of(patient.files)) {
    if (subnet.prefix.family() == base::Family::kIpv6) networks.push_back(subnet.network);
  }
  const auto value = netlink::read_sysctl("net/ipv6/conf/all/disable_ipv6");
  if (networks.empty() || value == "0") return;
  Diagnosis diagnosis{.name = "ipv6-off", .is_error = true, .about = std::move(networks)};
  if (value) {
    diagnosis.text =
        "net.ipv6.conf.all.disable_ipv6 is 1, and a network has IPv6 addresses to give";
    diagnosis.remedy = "or take the IPv6 range out of the configuration";
    diagnosis.command = "sysctl -w net.ipv6.conf.all.disable_ipv6=0 && patchcord reconcile";
  } else {
    diagnosis.text = "this kernel has no IPv6, and a network has IPv6 addresses to give";
    diagnosis.remedy =
        "take the IPv6 range out of the configuration, or boot without ipv6.disable=1";
  }
  found.push_back(std::move(diagnosis));
}

bool drops_bridged(const Patient& patient, netlink::Socket& netfilter) {
  const auto subnets = subnets_of(patient.files);
  return std::any_of(subnets.begin(), subnets.end(), [&](const Subnet& subnet) {
    return !subnet.bridge.empty() && subnet.prefix.family() == base::Family::kIpv4 &&
           conditions::drops_bridged(netfilter, subnet.bridge, subnet.prefix);
  });
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
  const bool drops = drops_bridged(patient, netfilter);
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
       .remedy = is_needed
                     ? "accept the containers' bridge in FORWARD, or let its policy be ACCEPT; "
                       "kube-proxy needs the setting as it is"
                     : "where nothing else on this node needs it",
       .command = is_needed ? "" : "sysctl -w net.bridge.bridge-nf-call-iptables=0"});
}

// The kernel takes the stricter one of "all" and the interface's own.
void look_at_strict_reverse_path(const Patient& patient, Diagnoses& found) {
  if (netlink::read_sysctl("net/ipv4/conf/all/rp_filter") != "1") return;
  std::vector<std::string> uplinks;
  for (const auto& route : netlink::default_routes(patient.node.socket(), base::Family::kIpv4)) {
    const auto* link = patient.node.find(route.out_link);
    if (link != nullptr) uplinks.push_back(link->name);
  }
  std::sort(uplinks.begin(), uplinks.end());
  uplinks.erase(std::unique(uplinks.begin(), uplinks.end()), uplinks.end());
  if (uplinks.size() < 2) return;
  found.push_back({.name = "rp-filter-strict",
                   .is_error = false,
                   .text = "net.ipv4.conf.all.rp_filter is 1 and default routes lead through " +
                           uplinks[0] + " and " + uplinks[1] +
                           ": what comes in by the one that is not preferred is dropped",
                   .remedy = "2 takes what comes in by any way that leads back",
                   .command = "sysctl -w net.ipv4.conf.all.rp_filter=2"});
}

// In mode routed it is ours, and reconcile puts it back; a ptp port has what the node gives.
void look_at_reverse_path(const Patient& patient, Diagnoses& found) {
  look_at_strict_reverse_path(patient, found);
  if (netlink::read_sysctl("net/ipv4/conf/all/rp_filter") != "0") return;
  for (const auto& sighting : patient.sightings) {
    if (!sighting.host_end || sighting.state == State::kGone || sighting.state == State::kOther)
      continue;
    if (sighting.attachment.bridge_port) continue;
    const std::string& name = sighting.host_end->name;
    if (netlink::read_sysctl("net/ipv4/conf/" + name + "/rp_filter") != "0") continue;
    const bool is_ours = sighting.attachment.routed_port.has_value();
    found.push_back({.name = "rp-filter-off",
                     .is_error = false,
                     .text = "rp_filter is 0 where containers have a link of their own: they can "
                             "send with any source address",
                     .remedy = is_ours
                                   ? "a file in /etc/sysctl.d, as systemd's 50-default.conf, may "
                                     "have changed it"
                                   : "net.ipv4.conf.default.rp_filter=1 in a file of "
                                     "/etc/sysctl.d is for containers from then on",
                     .command = is_ours ? "patchcord reconcile"
                                        : "sysctl -w net/ipv4/conf/" + name + "/rp_filter=1",
                     .about = {title_of(sighting)}});
  }
}

void look_at_firewall(const Patient& patient, Diagnoses& found) {
  try {
    netlink::Socket netfilter = ruleset::open_nftables();
    look_at_bridge_netfilter(patient, netfilter, found);
  } catch (const netlink::Error& error) {
    found.push_back({.name = "nftables-missing",
                     .is_error = false,
                     .text = std::string("nftables does not answer: ") + error.what(),
                     .remedy = "load nf_tables, or use a kernel with CONFIG_NF_TABLES; masquerade, "
                               "host ports and isolation need it"});
  }
}

// The least of all ways out, by their links and by what the routes say.
unsigned mtu_of_uplink(const Patient& patient) {
  config::Network network;
  network.mtu_auto = true;
  return operations::find_mtu(patient.node.socket(), network);
}

void look_at_mtu(const Patient& patient, Diagnoses& found) {
  const unsigned uplink = mtu_of_uplink(patient);
  for (const auto& sighting : patient.sightings) {
    if (!sighting.host_end) continue;
    const std::string own = std::to_string(sighting.host_end->mtu);
    const auto* bridge = patient.node.find(sighting.host_end->master);
    const bool above_bridge = bridge != nullptr && sighting.host_end->mtu > bridge->mtu;
    const bool above_uplink =
        uplink != 0 && sighting.host_end->mtu > uplink && !sighting.attachment.forward.empty();
    if (!above_uplink && !above_bridge) continue;
    const std::string other = above_bridge
                                  ? "bridge " + bridge->name + " has " + std::to_string(bridge->mtu)
                                  : "the way out has " + std::to_string(uplink);
    found.push_back({.name = "mtu-mismatch",
                     .is_error = false,
                     .text = "containers have an MTU of " + own + ", and " + other +
                             ": large packets are dropped, or cut into pieces",
                     .remedy = R"("mtu": "auto" in the network's configuration, for containers )"
                               "from then on",
                     .command = above_bridge ? "ip link set " + bridge->name + " mtu " + own : "",
                     .about = {title_of(sighting)}});
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
