#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mac_address.h"
#include "netlink/socket.h"

namespace netlink {

/// IFLA_OPERSTATE (RFC 2863; include/uapi/linux/if.h).
enum class OperState : std::uint8_t {
  kUnknown,
  kNotPresent,
  kDown,
  kLowerLayerDown,
  kTesting,
  kDormant,
  kUp
};

/// The bridge's own view of one of its ports (IFLA_INFO_SLAVE_DATA of kind "bridge").
struct BridgePortFlags {
  bool hairpin = false;   // IFLA_BRPORT_MODE
  bool isolated = false;  // IFLA_BRPORT_ISOLATED
  bool guarded = false;   // IFLA_BRPORT_GUARD: a frame of STP that comes in shuts the port
  friend bool operator==(const BridgePortFlags&, const BridgePortFlags&) = default;
};

struct Link {
  int index = 0;
  std::string name;
  std::string kind;   // "veth", "bridge", ...; empty for a physical device
  std::string alias;  // IFLA_IFALIAS
  std::optional<base::MacAddress> mac;
  unsigned flags = 0;  // IFF_*
  unsigned mtu = 0;    // bytes
  OperState oper_state = OperState::kUnknown;
  int master = 0;  // index, 0 without one
  int peer = 0;    // IFLA_LINK: of a veth, its peer's index in the peer's namespace; 0 unknown
  std::optional<int> peer_nsid;  // IFLA_LINK_NETNSID: absent where the peer is in this namespace
  unsigned promiscuity = 0;
  unsigned tx_queue_length = 0;                // packets
  std::optional<BridgePortFlags> bridge_port;  // where the master is a bridge
  bool vlan_filtering = false;                 // of a bridge
  bool speaks_stp = false;                     // of a bridge
  bool learns_from_groups = false;  // of a bridge: MACs also from frames to link-local groups
  std::uint32_t group = 0;          // IFLA_GROUP
  std::uint16_t default_vlan = 0;   // of a bridge: what it gives every port; 0 for none
  std::optional<int> accept_ra;     // the sysctl of IPv6; absent where the link has none of it

  [[nodiscard]] bool is_up() const noexcept;                // IFF_UP
  [[nodiscard]] bool is_promiscuous() const noexcept;       // IFF_PROMISC
  [[nodiscard]] bool takes_all_multicast() const noexcept;  // IFF_ALLMULTI
};

/// Absent where no link has that name. Alternative names are not looked at.
[[nodiscard]] std::optional<Link> find_link(Socket& socket, std::string_view name);
[[nodiscard]] std::optional<Link> find_link(Socket& socket, int index);

/// In the namespace that the socket's own knows by the number `nsid`. Absent also where that one is
/// gone or being taken down.
[[nodiscard]] std::optional<Link> find_link_in(Socket& socket, int nsid, int index);

/// The other end of a veth pair, wherever it is: asked for in the namespace that the kernel says it
/// is in. Absent where that namespace is gone or being taken down, which is how an end tells that
/// its container is dead; and for a link without a peer.
[[nodiscard]] std::optional<Link> find_peer(Socket& socket, const Link& link);

/// All links whose master is `master`. Walks every link of the namespace: not for the hot path.
[[nodiscard]] std::vector<Link> ports_of(Socket& socket, int master);
/// All links of the namespace. Not for the hot path.
[[nodiscard]] std::vector<Link> all_links(Socket& socket);
/// All links of the namespace that the socket's own knows by the number `nsid`; none where that one
/// is gone or being taken down. Who lives there can have the list change whenever it is read: then
/// it is what several readings have found together, a link perhaps more than once.
[[nodiscard]] std::vector<Link> all_links_in(Socket& socket, int nsid);

/// What to change on one link; what is absent stays as it is. One request.
struct LinkChange {
  std::optional<bool> up{};
  std::optional<bool> promiscuous{};
  std::optional<bool> all_multicast{};
  std::optional<std::string> alias{};  // at most 255 bytes
  std::optional<base::MacAddress> mac{};
  std::optional<unsigned> mtu{};
  std::optional<unsigned> tx_queue_length{};  // packets
  std::optional<int> master{};                // 0 releases it
  std::optional<BridgePortFlags> bridge_port{};
  /// IPv4 settings of the interface (IFLA_AF_SPEC / AF_INET / IFLA_INET_CONF; the numbers are
  /// IPV4_DEVCONF_* of include/uapi/linux/ip.h), the same that /proc/sys/net/ipv4/conf/<if>/ holds.
  /// The kernel stores them and does no more: a write to /proc/sys tells listeners to
  /// RTM_NEWNETCONF as well, turns LRO off for `forwarding`, and drops cached routes when
  /// route_localnet is cleared.
  std::vector<std::pair<int, std::uint32_t>> ipv4{};
};

/// The kernel checks much, but not all, before it begins: a refusal may leave a part done.
void change_link(Socket& socket, const Link& link, const LinkChange& change);
/// By name, which saves a look-up; throws Error{ENODEV} where there is none.
void change_link(Socket& socket, std::string_view name, const LinkChange& change);

/// False where it is gone already.
bool delete_link(Socket& socket, int index, std::string_view shown_as);
/// The kernel takes an alternative name for the name, too.
bool delete_link(Socket& socket, std::string_view name);

/// Deletes links together, a few hundred at a time: the kernel waits for RCU grace periods once for
/// all of them, which takes longer than the rest of a deletion. What is gone already is none.
void delete_links(Socket& socket, std::span<const int> indexes);

/// For who sends an RTM_GETLINK together with other requests: the request, and the link of the
/// answer, absent for another message.
[[nodiscard]] Message make_link_query(std::string_view name);
/// What begins a request about the link of that index, or about none (0).
[[nodiscard]] Message make_link_request(int type, int index);
/// False for a name that the kernel would refuse as too long: it belongs to no link.
[[nodiscard]] bool can_be_link_name(std::string_view name);
[[nodiscard]] std::optional<Link> parse_link(const nlmsghdr* message);

/// The interface settings of IPv4 as RTM_GETLINK tells them (IFLA_AF_SPEC / AF_INET): entry n-1 is
/// IPV4_DEVCONF_n. Empty where the link is gone.
[[nodiscard]] std::vector<std::uint32_t> ipv4_settings(Socket& socket, int index);

}  // namespace netlink
