#pragma once

#include "netlink/netns.h"
#include "plugin/attachment/attachment.h"
#include "plugin/cni/request.h"
#include "plugin/steps/step.h"

namespace operations {

/// CNI_NETNS must lead to the namespace that was attached.
void check_namespace(const cni::Request& request, const netlink::NamespaceIdentity& container,
                     const attachment::Attachment& attachment, steps::Findings& findings);

/// Throws cni::Error{kCheckFailed} where there are any.
void throw_findings(const steps::Findings& findings);

}  // namespace operations
