#include "plugin/operations/shared/ipv6.h"

#include "netlink/sysctl.h"
#include "plugin/cni/error.h"

namespace operations {
namespace {

void require(const base::IpPrefix& prefix) {
  if (prefix.family() == base::Family::kIpv4) return;
  if (netlink::read_sysctl("net/ipv6/conf/all/disable_ipv6")) return;
  throw cni::Error(
      cni::Code::kKernel,
      "the network has " + prefix.to_string() + " to give, and this kernel has no IPv6",
      "take IPv6 out of the network's configuration, or boot a kernel that has it, "
      "without ipv6.disable=1");
}

}  // namespace

void require_ipv6_for(const attachment::Attachment& attachment) {
  for (const auto& address : attachment.addresses) require(address.prefix);
}

void require_ipv6_for(const config::Ipam& ipam) {
  if (ipam.host_local) {
    for (const auto& set : ipam.host_local->sets) require(set.front().subnet);
  }
  if (ipam.fixed) {
    for (const auto& fixed : ipam.fixed->addresses) require(fixed.address);
  }
}

}  // namespace operations
