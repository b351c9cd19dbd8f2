#pragma once

#include <optional>
#include <span>

#include "plugin/attachment/attachment.h"
#include "plugin/config/network.h"

namespace operations {

/// What of nftables rules the attachment needs, whose addresses are those that IPAM gave, with
/// their prefixes. What is sent to `near` is not masqueraded, besides what the configuration says.
void plan_rules(const config::Rules& rules, std::span<const base::IpPrefix> near,
                attachment::Attachment& attachment);

/// Of these what does not wait for addresses.
[[nodiscard]] std::optional<attachment::Antispoof> plan_antispoof(const config::Rules& rules);

}  // namespace operations
