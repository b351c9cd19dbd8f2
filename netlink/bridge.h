#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/mac_address.h"
#include "netlink/socket.h"

namespace netlink {

struct BridgePortFlags;
struct Link;

struct BridgeSpec {
  std::string name;
  base::MacAddress mac;  // given at creation, so that the bridge never takes over a port's
  unsigned mtu = 0;      // bytes; 0 leaves the kernel's default
  bool vlan_filtering = false;
  unsigned group = 0;  // IFLA_GROUP
};

/// Creates the bridge, down; it does not learn from frames to link-local groups (below). False
/// where a link of that name exists. The MTU holds until the first
/// port comes: from then on the kernel gives the bridge the least of its ports'
/// (br_mtu_auto_adjust). Throws Error: EOPNOTSUPP where the kernel has no bridges, or no VLAN
/// filtering and it is asked for; EADDRNOTAVAIL for a MAC that is zero or multicast.
[[nodiscard]] bool create_bridge(Socket& socket, const BridgeSpec& spec);

/// A frame to a group that no bridge forwards (01:80:c2:00:00:0x: STP, LACP, LLDP and so on) passes
/// no rules, and yet the bridge believes its source: whoever is at a port can have the frames for
/// another's MAC. With this it does not (no_linklocal_learn, Linux 5.0).
void stop_learning_from_groups(Socket& socket, const Link& bridge);

/// VLANs of a port, from `first` to `last`, 1 to 4094.
struct VlanRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  bool native = false;    // frames without a tag that come in are of it; one VLAN only
  bool untagged = false;  // its frames go out without a tag
  friend bool operator==(const VlanRange&, const VlanRange&) = default;
};

/// Adds VLANs to the port `link`, or changes their flags. Throws Error: EOPNOTSUPP where the kernel
/// cannot filter VLANs or the link is no port; EINVAL for a range that is native, or not a range.
void add_port_vlans(Socket& socket, const Link& link, std::span<const VlanRange> vlans);
/// That the port does not have it is no error.
void remove_port_vlan(Socket& socket, const Link& link, std::uint16_t vlan);
/// The VLANs of one port (RTM_GETVLAN, Linux 5.6). Ranges as the kernel makes them.
[[nodiscard]] std::vector<VlanRange> vlans_of_port(Socket& socket, const Link& link);

/// Has the port `link` forward nothing any more, at once: a link that is set down waits for an RCU
/// grace period. Of a bridge that speaks STP the tree decides, and it goes on.
void shut_bridge_port(Socket& socket, const Link& link);

/// Into the nest of a request that has a port's attributes.
void put_port_flags(nl_msg* request, const BridgePortFlags& flags);
/// Sets all flags of the port `link` (RTM_SETLINK, AF_BRIDGE, IFLA_PROTINFO).
void set_bridge_port(Socket& socket, const Link& link, const BridgePortFlags& flags);

}  // namespace netlink
