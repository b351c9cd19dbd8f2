#pragma once

#include "plugin/attachment/attachment.h"
#include "plugin/cni/result.h"
#include "plugin/lease/lease.h"
#include "plugin/steps/step.h"

namespace types {

/// The result of an ADD: what came before it in the chain, and behind that the bridge, the host end
/// and the container's end, its addresses and its routes.
[[nodiscard]] cni::Result describe(const steps::World& world,
                                   const attachment::Attachment& attachment, cni::Result previous,
                                   const cni::Dns& dns);

}  // namespace types
