#pragma once

#include "plugin/attachment/attachment.h"
#include "plugin/config/network.h"

namespace operations {

/// What of nftables rules the attachment needs, whose addresses are those that IPAM gave, with
/// their prefixes.
void plan_rules(const config::Rules& rules, attachment::Attachment& attachment);

}  // namespace operations
