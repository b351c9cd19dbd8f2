#pragma once

#include <string>

#include "plugin/attachment/attachment.h"

namespace attachment {

/// Whether a record says that the attachment has host ports and its container is still there (the
/// path on record leads to the namespace on record), or an ADD of it is at work.
[[nodiscard]] bool holds_ports(const std::string& state_directory, const Key& key);

}  // namespace attachment
