#pragma once

#include <string>
#include <vector>

#include "netlink/nft/object.h"
#include "netlink/socket.h"

namespace netlink::nft {

/// A chain that packets come to by themselves, whoever has made it.
struct BaseChain {
  Table table;  // of family 5 (netdev) or 3 (arp), too
  std::string name;
  Hook hook;
  std::vector<std::string> devices{};  // of netdev
  bool drops = false;                  // its policy
  unsigned rules = 0;
};

/// Of all tables, in the order in which the kernel asks them at each hook. The cost is that of the
/// chains, not of the rules in them.
[[nodiscard]] std::vector<BaseChain> base_chains(Socket& socket);

/// "inet filter forward"
[[nodiscard]] std::string to_string(const BaseChain& chain);

}  // namespace netlink::nft
