#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "netlink/socket.h"

namespace netlink {

/// What has gone through a link since it was made, as its own end sees it.
struct Counters {
  std::uint64_t received_bytes = 0;
  std::uint64_t received_packets = 0;
  std::uint64_t received_dropped = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t sent_packets = 0;
  std::uint64_t sent_dropped = 0;
};

/// Absent where the link is gone.
[[nodiscard]] std::optional<Counters> counters_of(Socket& socket, int link);
/// Of every link of the namespace, by index. Not for the hot path.
[[nodiscard]] std::map<int, Counters> all_counters(Socket& socket);

}  // namespace netlink
