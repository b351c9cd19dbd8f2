#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ip_address.h"
#include "base/mac_address.h"
#include "netlink/socket.h"

namespace netlink {

struct Neighbour {
  int link = 0;  // index
  base::IpAddress address;
  std::optional<base::MacAddress> mac;
  std::uint16_t state = 0;  // NUD_*
};

/// Makes or replaces the entry, NUD_PERMANENT. Throws Error: EINVAL where IPv6 is off on the link,
/// ENODEV where it is gone.
void set_permanent_neighbour(Socket& socket, int link, const base::IpAddress& address,
                             const base::MacAddress& mac);
/// By key. Absent where there is none.
[[nodiscard]] std::optional<Neighbour> find_neighbour(Socket& socket, int link,
                                                      const base::IpAddress& address);
/// Of one link, of both families. The kernel filters where it can (since Linux 4.20), and walks all
/// of the namespace's: for a container's namespace, not for the host's.
[[nodiscard]] std::vector<Neighbour> neighbours_of(Socket& socket, int link);
/// How full the kernel's table of a family is, which all namespaces share.
struct NeighbourTable {
  base::Family family = base::Family::kIpv4;
  std::uint32_t entries = 0;  // permanent ones among them, which the limit does not count
  std::uint32_t most = 0;     // gc_thresh3
};
[[nodiscard]] std::vector<NeighbourTable> neighbour_tables(Socket& socket);
/// False where there was none.
bool remove_neighbour(Socket& socket, int link, const base::IpAddress& address);

}  // namespace netlink
