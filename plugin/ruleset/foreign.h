#pragma once

#include <string>
#include <vector>

#include "base/ip_address.h"
#include "netlink/socket.h"

namespace ruleset {

/// Whether the policy of iptables-nft's FORWARD chain of that family is to drop. Throws
/// netlink::Error.
[[nodiscard]] bool drops_forwarded(netlink::Socket& netfilter, base::Family family);

/// Base chains of others that drop what is forwarded unless one of their own rules accepts it, each
/// as "ip filter FORWARD". An accept of ours cannot override them: the kernel asks every chain of a
/// hook. Known by name: what iptables-nft, and with it Docker and ufw, set the policy of. Throws
/// netlink::Error.
[[nodiscard]] std::vector<std::string> find_dropping_chains(netlink::Socket& netfilter);

}  // namespace ruleset
