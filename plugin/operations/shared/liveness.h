#pragma once

#include "netlink/socket.h"
#include "plugin/attachment/attachment.h"

namespace operations {

/// Whether an attachment's container is provably gone: its namespace is not where it was, and there
/// is no host end of the attachment's any more, or its other end went with a namespace. A container
/// whose namespace merely lost its path has a pair whose ends both live, and counts as alive.
[[nodiscard]] bool is_provably_gone(netlink::Socket& host,
                                    const attachment::Attachment& attachment);

}  // namespace operations
