#pragma once

#include "plugin/cni/request.h"
#include "plugin/operations/settings.h"

/// DEL, for the types that make a container's interface.
namespace operations {

/// Removes every trace that the record, or without one the names, lead to. Throws once, at the end,
/// what did not work.
void del(const cni::Request& request, const Settings& settings);

/// As del, for the names of the reference plugins: where there is no record, the reference may have
/// made the pair, and CNI_IFNAME in CNI_NETNS leads to it.
void del_drop_in(const cni::Request& request, const Settings& settings);

}  // namespace operations
