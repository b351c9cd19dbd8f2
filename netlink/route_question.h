#pragma once

#include <cstdint>
#include <optional>

#include "netlink/route.h"
#include "netlink/socket.h"

namespace netlink {

/// A packet, as far as routing looks at it.
struct RouteQuestion {
  base::IpAddress destination;
  std::optional<base::IpAddress> source{};
  int in_link = 0;            // index; 0: the namespace sends it itself
  std::uint8_t protocol = 0;  // of IP; 0: not said
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
};

/// What the kernel would do with it (RTM_GETROUTE): for a packet that comes in with all that it
/// checks on the way, the reverse path and forwarding included.
struct RouteAnswer {
  int error = 0;                 // errno: why there is no way
  std::optional<Route> way{};    // gateway, link, type, and the source for who has none
  std::optional<Route> entry{};  // of the table, by which it goes (RTM_F_FIB_MATCH)
};
[[nodiscard]] RouteAnswer ask_route(Socket& socket, const RouteQuestion& question);

}  // namespace netlink
