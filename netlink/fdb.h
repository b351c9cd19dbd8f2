#pragma once

#include <optional>

#include "base/mac_address.h"
#include "netlink/socket.h"

namespace netlink {

/// Where a bridge has a MAC.
struct FdbEntry {
  int port = 0;           // index; of the bridge itself, where that is its own
  bool is_local = false;  // of the bridge or of the port itself: it goes up to the host
};

/// By key (Linux 5.0). Absent where the bridge does not know it, and would send to all ports.
/// `vlan` is 0 on a bridge that does not filter.
[[nodiscard]] std::optional<FdbEntry> find_fdb_entry(Socket& socket, int bridge,
                                                     const base::MacAddress& mac,
                                                     std::uint16_t vlan = 0);

}  // namespace netlink
