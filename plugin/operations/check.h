#pragma once

#include "plugin/cni/request.h"
#include "plugin/config/network.h"
#include "plugin/operations/settings.h"

/// CHECK, for the types that make a container's interface.
namespace operations {

/// Throws cni::Error{kCheckFailed} that names everything missing or altered.
void check(const cni::Request& request, const Settings& settings);

/// As check, for the names of the reference plugins: where there is no record, the reference may
/// have made the attachment, and `parse` reads what it went by.
void check_drop_in(const cni::Request& request, const Settings& settings,
                   config::Network (*parse)(const cni::Request&));

}  // namespace operations
