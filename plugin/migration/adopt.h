#pragma once

#include "plugin/attachment/attachment.h"
#include "plugin/cni/request.h"
#include "plugin/cni/result.h"
#include "plugin/config/network.h"
#include "plugin/steps/step.h"

/// Attachments that the reference plugin of the same name made. Nothing but the runtime's memory of
/// the result and the kernel itself knows them.
namespace migration {

/// What such an ADD must have made, by the configuration and its result, as if it were on record;
/// only which host end is the container's is asked of the kernel. What contradicts the result goes
/// into `findings`. Absent where the host end is one of ours, whose record is gone. Throws
/// cni::Error{kInvalidConfig} for a result that no such ADD can have had.
[[nodiscard]] std::optional<attachment::Attachment> adopt(const cni::Request& request,
                                                          const config::Network& network,
                                                          const cni::Result& previous,
                                                          steps::World& world,
                                                          steps::Findings& findings);

}  // namespace migration
