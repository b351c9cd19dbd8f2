#pragma once

#include <vector>

#include "plugin/attachment/attachment.h"
#include "plugin/config/network.h"

namespace operations {

/// The ports with where they lead. A mapping of an unspecified address (0.0.0.0, ::) is left out
/// where there is no target of its family, because runtimes give one of each. Throws
/// cni::Error{kInvalidConfig} for any other that leads nowhere, and {kUnsupportedField} for
/// conditions that are not understood.
[[nodiscard]] attachment::HostPorts lead_ports(const config::Ports& ports,
                                               std::vector<attachment::PortTarget> targets);

}  // namespace operations
