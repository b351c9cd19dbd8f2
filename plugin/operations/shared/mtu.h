#pragma once

#include "netlink/socket.h"
#include "plugin/config/network.h"

namespace operations {

/// The MTU of a container's interface, in bytes; 0 for the kernel's default. With `mtu: auto` it is
/// what the host's way to the internet takes, whichever tables and rules that goes by.
[[nodiscard]] unsigned find_mtu(netlink::Socket& host, const config::Network& network);

}  // namespace operations
