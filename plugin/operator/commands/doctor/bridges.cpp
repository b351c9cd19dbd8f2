// doctor's conditions of what containers have for a gateway: whether it answers, and by one MAC.
#include <algorithm>
#include <set>

#include "base/file.h"
#include "netlink/sysctl.h"
#include "plugin/operator/commands/doctor/doctor.h"

namespace tool {
namespace {

// What has the gateway's address: the bridge or the gateway of its VLAN, or the host end.
std::set<std::string> gateway_links(const Patient& patient) {
  std::set<std::string> names;
  for (const auto& sighting : patient.sightings) {
    const auto& bridge = sighting.attachment.bridge_port;
    if (bridge && !bridge->gateways.empty())
      names.insert(attachment::host_side_of(sighting.attachment));
    if (sighting.attachment.ptp_port && sighting.host_end) names.insert(sighting.host_end->name);
  }
  return names;
}

// 8: the kernel answers for no address of its own; it takes the greater of "all" and the link's.
void look_at_arp(const std::set<std::string>& links, Diagnoses& found) {
  constexpr std::string_view kNever = "8";
  const std::string key = "net/ipv4/conf/";
  if (netlink::read_sysctl(key + "all/arp_ignore") == kNever) {
    if (links.empty()) return;
    found.push_back({.name = "arp-off",
                     .is_error = true,
                     .text = "net.ipv4.conf.all.arp_ignore is 8: the node answers no ARP request, "
                             "and containers do not find their gateway",
                     .remedy = "1 answers on the interface that has the address",
                     .command = "sysctl -w net.ipv4.conf.all.arp_ignore=1"});
    return;
  }
  for (const auto& link : links) {
    if (netlink::read_sysctl(key + link + "/arp_ignore") != kNever) continue;
    found.push_back({.name = "arp-off",
                     .is_error = true,
                     .text = key + link + "/arp_ignore is 8: containers do not find their gateway",
                     .remedy = "0 is what the kernel gives a new interface",
                     .command = "sysctl -w " + key + link + "/arp_ignore=0"});
  }
}

// Of a kernel that does not say, and of a /sys that shows another namespace, nothing is known.
bool follows_ports(const netlink::Link& bridge) {
  constexpr std::size_t kMost = 64;
  const std::string place = "/sys/class/net/" + bridge.name + "/";
  const auto index = base::read_file(place + "ifindex", kMost);
  const auto type = base::read_file(place + "addr_assign_type", kMost);
  return index == std::to_string(bridge.index) + "\n" && type && *type != "3\n";  // NET_ADDR_SET
}

// The kernel gives such a bridge the least MAC of its ports: it becomes another one with a
// container, and the gateway is lost to all until they ask again. An ADD tells it to keep its own.
void look_at_macs(const Patient& patient, const std::set<std::string>& links, Diagnoses& found) {
  for (const auto& name : links) {
    const auto* bridge = patient.node.find(name);
    if (bridge == nullptr || bridge->kind != "bridge" || !bridge->mac || !follows_ports(*bridge))
      continue;
    found.push_back({.name = "bridge-mac-not-kept",
                     .is_error = false,
                     .text = "the MAC of bridge " + name +
                             " is the least of its ports', and becomes another one as they come "
                             "and go: containers lose their gateway until they ask again",
                     .remedy = "told the MAC that it has, it keeps it",
                     .command = "ip link set " + name + " address " + bridge->mac->to_string()});
  }
}

}  // namespace

void look_at_bridges(const Patient& patient, Diagnoses& found) {
  const auto links = gateway_links(patient);
  look_at_arp(links, found);
  look_at_macs(patient, links, found);
}

}  // namespace tool
