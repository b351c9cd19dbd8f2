#pragma once

#include "plugin/cni/request.h"
#include "plugin/config/network.h"
#include "plugin/operations/settings.h"

/// ADD, for the types that make a container's interface.
namespace operations {

/// Makes the attachment and delivers the result; whatever fails, everything is undone before it is
/// thrown on.
void add(const cni::Request& request, const config::Network& network, const Settings& settings);

}  // namespace operations
