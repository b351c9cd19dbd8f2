#pragma once

#include <optional>

#include "netlink/socket.h"

namespace ruleset {

/// A socket to speak to nf_tables with; absent where the kernel has none, and so no rules either.
/// Throws netlink::Error.
[[nodiscard]] std::optional<netlink::Socket> find_nftables();

/// As find_nftables(), but a kernel without is netlink::Error{EOPNOTSUPP}.
[[nodiscard]] netlink::Socket open_nftables();

}  // namespace ruleset
