#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ip_prefix.h"
#include "netlink/socket.h"

namespace netlink {

/// Who has made a route, as the kernel and routing daemons tell them apart (rtm_protocol;
/// packaging/iproute2 has the names of ours).
inline constexpr std::uint8_t kProtocolOfBlocks = 81;
inline constexpr std::uint8_t kProtocolOfPods = 82;

struct Route {
  base::IpPrefix destination;                // host bits are cleared when it is sent
  std::optional<base::IpAddress> gateway{};  // of the destination's family
  int out_link = 0;                          // index
  std::optional<base::IpAddress> source{};   // RTA_PREFSRC
  /// RT_SCOPE_*; absent: link for an IPv4 route without a gateway, universe otherwise, as ip(8)
  /// does.
  std::optional<std::uint8_t> scope{};
  std::optional<std::uint32_t> table{};  // absent: main
  std::uint32_t priority = 0;            // metric; 0 is the kernel's default
  std::uint32_t mtu = 0;                 // bytes; 0 for none
  std::uint32_t advmss = 0;              // bytes; 0 for none
  bool onlink = false;                   // RTNH_F_ONLINK: take the gateway to be on the link
  std::uint8_t protocol = kProtocolOfPods;
  std::uint8_t type = 1;    // RTN_UNICAST
  std::string link_name{};  // of out_link, for messages; empty: they have the index
};

/// "10.0.0.0/8 via 10.88.0.1 dev 5", for messages.
[[nodiscard]] std::string to_string(const Route& route);

/// False where the table has a route to that destination with that priority, be it this one or one
/// through another link or gateway (NLM_F_CREATE | NLM_F_EXCL).
bool add_route(Socket& socket, const Route& route);
/// The same of one route with a next hop each, which are alike in everything else; at least one.
bool add_route(Socket& socket, std::span<const Route> hops);
/// As add_route(), but an IPv4 route comes before what the table has with that destination and
/// priority; false only where that has the same next hops.
bool add_route_before(Socket& socket, std::span<const Route> hops);
/// What came of an attempt to have an address for oneself.
struct Claim {
  bool is_made = false;
  std::optional<Route> earlier{};  // to that address alone, of whatever priority, table and type
};
/// As add_route(), of a route to one address; in the same send it looks at what led there before.
[[nodiscard]] Claim claim_address(Socket& socket, const Route& route);
/// Removes what matches in destination, link, gateway, scope, table and, unless it is 0, priority,
/// of whatever protocol: older versions made theirs as RTPROT_BOOT. False where it was not there.
bool remove_route(Socket& socket, const Route& route);

/// The entry that the kernel's main look-up finds for `address` (RTM_GETROUTE with
/// RTM_F_FIB_MATCH), by key and not by a dump; of a multipath route its first hop. It may be a
/// wider prefix than /32, and of another type than unicast (an address of the host is RTN_LOCAL).
/// Absent where the kernel finds none, or one that forbids: unreachable, blackhole, prohibit.
[[nodiscard]] std::optional<Route> match_route(Socket& socket, const base::IpAddress& address);

/// The same with all hops of a multipath route, each a Route.
[[nodiscard]] std::vector<Route> match_routes(Socket& socket, const base::IpAddress& address);

/// Every unicast route through one link, in every table but `local`. Walks the namespace's routes:
/// for a container's namespace, not for the host's.
[[nodiscard]] std::vector<Route> routes_through(Socket& socket, int out_link);

/// Every IPv4 and IPv6 route of the main table that has this protocol, of whatever type. The kernel
/// walks the table.
[[nodiscard]] std::vector<Route> routes_of_protocol(Socket& socket, std::uint8_t protocol);

/// The routes of `family` in the main table, of whatever type. Walks that table: not for the hot
/// path.
[[nodiscard]] std::vector<Route> main_routes(Socket& socket, base::Family family);
/// Of these, the default routes.
[[nodiscard]] std::vector<Route> default_routes(Socket& socket, base::Family family);

}  // namespace netlink
