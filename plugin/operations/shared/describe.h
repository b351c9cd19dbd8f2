#pragma once

#include "plugin/attachment/attachment.h"
#include "plugin/cni/result.h"
#include "plugin/config/network.h"
#include "plugin/lease/lease.h"
#include "plugin/steps/step.h"

namespace operations {

/// The result of an ADD: what came before it in the chain, and behind that the bridge, the host
/// end, the container's end and the gateway of its VLAN, its addresses and its routes.
[[nodiscard]] cni::Result describe(const steps::World& world,
                                   const attachment::Attachment& attachment,
                                   const config::Network& network, const lease::Lease& lease,
                                   cni::Result previous);

}  // namespace operations
