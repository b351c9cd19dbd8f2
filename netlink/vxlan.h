#pragma once

#include <optional>
#include <vector>

#include "base/ip_address.h"
#include "netlink/socket.h"

namespace netlink {

/// A link of kind vxlan, as far as packets' sizes depend on it.
struct Vxlan {
  unsigned mtu = 0;                        // bytes
  std::optional<base::IpAddress> local{};  // which it sends from
};

/// Those that are ports of the bridge.
[[nodiscard]] std::vector<Vxlan> vxlans_of(Socket& socket, int bridge);

}  // namespace netlink
