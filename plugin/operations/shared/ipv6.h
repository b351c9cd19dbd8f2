#pragma once

#include "plugin/attachment/attachment.h"

namespace operations {

/// Refuses a plan with IPv6 addresses that the kernel would refuse, or drop, later and in other
/// words. Throws cni::Error: kKernel where the kernel has no IPv6, or has it off on the host's side
/// of the container; kInvalidConfig where the MTU is too small for it.
void require_ipv6_for(const attachment::Attachment& plan);

/// The least MTU that IPv6 works with, in bytes (RFC 8200, section 5). The kernel takes IPv6 off an
/// interface that has a smaller one.
inline constexpr unsigned kLeastMtuOfIpv6 = 1280;

}  // namespace operations
