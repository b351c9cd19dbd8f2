#pragma once

#include <functional>

#include "netlink/nft/transaction.h"
#include "netlink/socket.h"

// Changes of a ruleset that others change meanwhile. Not for other folders.
namespace ruleset {

/// Fills transactions until one is made or there is nothing to do. What was looked up for one holds
/// when it is made: somebody else may have taken over an element meanwhile, and be it one of ours
/// whose container is gone. Throws netlink::Error.
void commit_repeatedly(netlink::Socket& netfilter,
                       const std::function<void(netlink::nft::Transaction&, int attempt)>& fill);

}  // namespace ruleset
