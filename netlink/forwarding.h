#pragma once

#include "base/ip_address.h"
#include "netlink/socket.h"

namespace netlink {

/// Whether the sysctl net/ipv4/ip_forward, or net/ipv6/conf/all/forwarding, is 1, asked for by
/// RTM_GETNETCONF (inet_netconf_get_devconf): opening the file takes many times as long. False also
/// where the kernel does not tell (Linux before 3.8, no IPv6). Throws Error only where no answer
/// came.
[[nodiscard]] bool is_forwarding(Socket& socket, base::Family family);

}  // namespace netlink
