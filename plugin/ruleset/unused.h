#pragma once

#include <string>

#include "netlink/socket.h"

namespace ruleset {

/// Removes the masquerade chains of a network, with their sets, in which there is no container any
/// more; nothing else of ours is a network's alone. An ADD that counts on one meanwhile makes it
/// anew. Throws netlink::Error.
void remove_unused(netlink::Socket& netfilter, const std::string& network);

}  // namespace ruleset
