#include "plugin/operations/shared/ipv6.h"

#include <algorithm>

#include "netlink/sysctl.h"
#include "plugin/cni/error.h"

namespace operations {
namespace {

using attachment::Attachment;
using base::Family;

std::string key_of(const std::string& interface) {
  return "net/ipv6/conf/" + interface + "/disable_ipv6";
}

/// Whether IPv6 is off where the node's side of the container is to have an address.
struct HostSetting {
  std::string key;
  std::optional<std::string> value;  // absent on a kernel without IPv6
};

// The interface that is there already, or what new ones get.
HostSetting look_at_host(const Attachment& plan) {
  if (plan.bridge_port) {
    const auto& port = *plan.bridge_port;
    const std::string key = key_of(port.vlan_gateway ? port.vlan_gateway->name : port.bridge);
    if (auto value = netlink::read_sysctl(key)) return {key, std::move(value)};
  }
  const std::string key = key_of("default");
  return {key, netlink::read_sysctl(key)};
}

bool needs_host_address(const Attachment& plan) {
  if (!plan.bridge_port) return true;
  const auto& gateways = plan.bridge_port->gateways;
  return std::any_of(gateways.begin(), gateways.end(),
                     [](const auto& gateway) { return gateway.family() == Family::kIpv6; });
}

[[noreturn]] void refuse_disabled(const std::string& promise, const HostSetting& setting) {
  throw cni::Error(cni::Code::kKernel,
                   promise + ", and IPv6 is off on the host's side of containers: sysctl " +
                       setting.key + " is " + *setting.value,
                   "set it to 0 (sysctl -w " + setting.key +
                       "=0), or take IPv6 out of the network's configuration");
}

}  // namespace

void require_ipv6_for(const Attachment& plan) {
  const auto at =
      std::find_if(plan.addresses.begin(), plan.addresses.end(),
                   [](const auto& address) { return address.prefix.family() == Family::kIpv6; });
  if (at == plan.addresses.end()) return;
  const std::string promise = "the network has " + at->prefix.to_string() + " to give";
  if (plan.pair.mtu != 0 && plan.pair.mtu < kLeastMtuOfIpv6) {
    throw cni::Error(cni::Code::kInvalidConfig,
                     "mtu: " + std::to_string(plan.pair.mtu) +
                         " is below 1280, the least that IPv6 works with (RFC 8200), and " +
                         promise);
  }
  const HostSetting setting = look_at_host(plan);
  if (!setting.value) {
    throw cni::Error(cni::Code::kKernel, promise + ", and this kernel has no IPv6",
                     "take IPv6 out of the network's configuration, or boot a kernel that has it, "
                     "without ipv6.disable=1");
  }
  if (*setting.value != "0" && needs_host_address(plan)) refuse_disabled(promise, setting);
}

}  // namespace operations
