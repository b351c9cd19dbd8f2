#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ip_prefix.h"
#include "netlink/socket.h"

namespace netlink {

struct Link;

/// Which address of a packet a filter looks at.
enum class Side : std::uint8_t { kSource, kDestination };

/// What a filter (u32, tc-u32(8)) does with what it matches.
struct Filter {
  std::uint32_t parent = 0;                // handle of the qdisc
  std::optional<base::IpPrefix> prefix{};  // absent: every packet
  Side side = Side::kDestination;
  std::uint32_t class_id = 0;  // the class that it goes to; the qdisc's own: unshaped
  int redirect_to = 0;         // index of the link out of which it goes instead
  friend bool operator==(const Filter&, const Filter&) = default;
};

void add_filter(Socket& socket, const Link& link, const Filter& filter);

/// Those of a qdisc that are of these kinds.
[[nodiscard]] std::vector<Filter> filters_of(Socket& socket, const Link& link,
                                             std::uint32_t parent);

/// An intermediate functional block: what is redirected to it goes through its queue, and then on.
/// Down.
void create_ifb(Socket& socket, const std::string& name, unsigned mtu);

}  // namespace netlink
