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
  return led;
}

}  // namespace operations
