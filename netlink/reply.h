#pragma once

// What the kernel's two closing messages say. Not for other folders.

#include <linux/netlink.h>

#include "netlink/socket.h"

namespace netlink {

/// Of an NLMSG_ERROR message.
[[nodiscard]] Ack parse_acknowledgement(const nlmsghdr* message);

/// Of the NLMSG_DONE message that ends a dump: a dump may fail after it has begun.
[[nodiscard]] Ack parse_end_of_dump(const nlmsghdr* message);

}  // namespace netlink
