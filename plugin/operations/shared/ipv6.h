#pragma once

#include "plugin/attachment/attachment.h"
#include "plugin/config/network.h"

/// Throw cni::Error{kKernel} where there are IPv6 addresses and the kernel has no IPv6 (built
/// without, or booted with ipv6.disable=1).
namespace operations {

void require_ipv6_for(const attachment::Attachment& attachment);
void require_ipv6_for(const config::Ipam& ipam);

}  // namespace operations
