// doctor's conditions of Kubernetes' Services: what containers on a bridge need where kube-proxy
// is.
#include <algorithm>
#include <array>

#include "netlink/sysctl.h"
#include "plugin/operator/commands/doctor/doctor.h"
#include "plugin/operator/kube_proxy.h"

namespace tool {
namespace {

bool has_bridge_of(const Patient& patient, base::Family family) {
  const auto subnets = subnets_of(patient.files);
  const bool configured = std::any_of(subnets.begin(), subnets.end(), [&](const Subnet& subnet) {
    return !subnet.bridge.empty() && subnet.prefix.family() == family;
  });
  return configured || std::any_of(patient.sightings.begin(), patient.sightings.end(),
                                   [&](const Sighting& sighting) {
                                     return sighting.attachment.bridge_port &&
                                            attachment::has_family(sighting.attachment, family);
                                   });
}

// The answer of a container to its neighbour on the bridge has the container's address as its
// source, and not the Service's, unless it passes the rules that translate it back.
void look_at_answers(const Patient& patient, Diagnoses& found) {
  struct Place {
    base::Family family;
    const char* key;
    const char* shown;
  };
  constexpr std::array<Place, 2> kPlaces = {
      {{base::Family::kIpv4, "net/bridge/bridge-nf-call-iptables", "bridge-nf-call-iptables"},
       {base::Family::kIpv6, "net/bridge/bridge-nf-call-ip6tables", "bridge-nf-call-ip6tables"}}};
  for (const auto& [family, key, shown] : kPlaces) {
    const auto mode = find_kube_proxy(patient.node.socket(), family);
    if (!mode || !has_bridge_of(patient, family)) continue;
    const auto value = netlink::read_sysctl(key);
    if (value == "1") continue;
    const std::string setting = std::string("net.bridge.") + shown;
    found.push_back(
        {.name = "services-bypassed",
         .is_error = true,
         .text = (value ? setting + " is " + *value : "br_netfilter is not loaded") +
                 ", and kube-proxy (" + *mode +
                 ") is here: what a container answers to another one of its bridge is not "
                 "translated back, so connections to a Service break where both are on this node",
         .remedy = std::string(value ? "into a file of /etc/sysctl.d"
                                     : "into files of /etc/modules-load.d and /etc/sysctl.d") +
                   " for the next boot, too; or mode routed, which needs neither",
         .command = std::string(value ? "" : "modprobe br_netfilter && ") + "sysctl -w " + setting +
                    "=1"});
  }
}

void look_for_hairpins(const Patient& patient, Diagnoses& found) {
  const auto mode = find_kube_proxy(patient.node.socket());
  if (!mode) return;
  for (const auto& file : patient.files) {
    if (!file.list) continue;
    for (const auto& plugin : file.list->plugins) {
      if (!lacks_hairpin(request_of(*file.list, plugin))) continue;
      found.push_back(
          {.name = "no-hairpin",
           .is_error = false,
           .text = "network " + file.list->name + " has no hairpinMode, and kube-proxy (" + *mode +
                   ") is here: a container that a Service leads to itself gets no "
                   "answer, and tries until it is led to another",
           .remedy = R"("hairpinMode": true in )" + file.path + ", for containers from then on",
           .command = "",
           .about = {file.list->name}});
    }
  }
}

}  // namespace

void look_at_services(const Patient& patient, Diagnoses& found) {
  look_at_answers(patient, found);
  look_for_hairpins(patient, found);
}

}  // namespace tool
