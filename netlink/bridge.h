#pragma once

#include <string>

#include "base/mac_address.h"
#include "netlink/link.h"
#include "netlink/socket.h"

namespace netlink {

struct BridgeSpec {
  std::string name;
  base::MacAddress mac;  // given at creation, so that the bridge never takes over a port's
  unsigned mtu = 0;      // bytes; 0 leaves the kernel's default
  bool vlan_filtering = false;
};

/// Creates the bridge, down. False where a link of that name exists. The MTU holds until the first
/// port comes: from then on the kernel gives the bridge the least of its ports'
/// (br_mtu_auto_adjust). Throws Error: EOPNOTSUPP where the kernel has no bridges, or no VLAN
/// filtering and it is asked for; EADDRNOTAVAIL for a MAC that is zero or multicast.
[[nodiscard]] bool create_bridge(Socket& socket, const BridgeSpec& spec);

/// Sets both flags of the port `link` (RTM_SETLINK, AF_BRIDGE, IFLA_PROTINFO).
void set_bridge_port(Socket& socket, const Link& link, const BridgePortFlags& flags);

}  // namespace netlink
