#pragma once

#include <optional>

#include "plugin/attachment/attachment.h"
#include "plugin/config/network.h"

namespace operations {

/// What of nftables rules the attachment needs, whose addresses are those that IPAM gave, with
/// their prefixes.
void plan_rules(const config::Rules& rules, attachment::Attachment& attachment);

/// Of these what does not wait for addresses.
[[nodiscard]] std::optional<attachment::Antispoof> plan_antispoof(const config::Rules& rules);

}  // namespace operations
