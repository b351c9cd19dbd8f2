#include "plugin/operations/shared/host_ports.h"

#include <algorithm>

#include "plugin/cni/error.h"

namespace operations {
namespace {

using attachment::PortTarget;

bool leads_somewhere(const cni::PortMapping& mapping, const std::vector<PortTarget>& targets) {
  return std::any_of(targets.begin(), targets.end(), [&](const PortTarget& target) {
    return cni::covers(mapping, target.address.family());
  });
}

[[noreturn]] void refuse(const cni::PortMapping& mapping) {
  const std::string family = mapping.host_address
                                 ? std::string(base::family_name(mapping.host_address->family()))
                                 : std::string("IP");
  throw cni::Error(cni::Code::kInvalidConfig,
                   "runtimeConfig.portMappings: " + cni::to_string(mapping) +
                       " cannot lead to the container, which has no " + family + " address");
}

// Without them those would be let in whom the conditions keep out.
[[noreturn]] void refuse(const std::string& conditions) {
  throw cni::Error(cni::Code::kUnsupportedField,
                   conditions + ": has matches that are not understood",
                   "those of addresses and interfaces are (-d, -s and -i with or without !, "
                   "ip daddr, ip saddr, iifname); filter others in a chain of the host's own, or "
                   "bind the ports to an address (hostIP)");
}

void set_conditions(const config::Ports& ports, const std::vector<cni::PortMapping>& led,
                    PortTarget& target) {
  const auto family = target.address.family();
  if (std::none_of(led.begin(), led.end(),
                   [&](const auto& mapping) { return cni::covers(mapping, family); }))
    return;
  const auto& conditions = family == base::Family::kIpv4 ? ports.ipv4 : ports.ipv6;
  if (!conditions.unreadable.empty()) refuse(conditions.unreadable);
  target.conditions = conditions.all;
}

}  // namespace

attachment::HostPorts lead_ports(const config::Ports& ports, std::vector<PortTarget> targets) {
  attachment::HostPorts led{
      .targets = std::move(targets), .snat = ports.snat, .masquerade_all = ports.masquerade_all};
  for (const auto& mapping : ports.mappings) {
    if (leads_somewhere(mapping, led.targets)) {
      led.mappings.push_back(mapping);
    } else if (!mapping.host_address || !mapping.host_address->is_unspecified()) {
      refuse(mapping);
    }
  }
  for (PortTarget& target : led.targets) set_conditions(ports, led.mappings, target);
  return led;
}

}  // namespace operations
