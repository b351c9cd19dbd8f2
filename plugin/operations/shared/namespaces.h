#pragma once

#include "netlink/netns.h"
#include "plugin/cni/request.h"

namespace operations {

/// The container's namespace. Before any effect: a container's network must not be made of the
/// host's own, which throws cni::Error{kInvalidNamespace} unless the request says otherwise.
[[nodiscard]] netlink::Namespace open_container(const cni::Request& request,
                                                const netlink::Namespace& home);

}  // namespace operations
