#pragma once

#include <span>
#include <string>

#include "netlink/nft/transaction.h"
#include "netlink/socket.h"
#include "plugin/ruleset/wanted.h"

namespace ruleset {

/// Removes the masquerade chains of a network, with their sets, in which there is no container any
/// more; nothing else of ours is a network's alone. An ADD that counts on one meanwhile makes it
/// anew. Throws netlink::Error.
void remove_unused(netlink::Socket& netfilter, const std::string& network);

/// As remove_unused(), as a part of a transaction that removes the elements `leaving` before.
void remove_unused(netlink::Socket& netfilter, netlink::nft::Transaction& transaction,
                   const std::string& network, std::span<const Element> leaving);

}  // namespace ruleset
