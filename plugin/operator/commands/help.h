#pragma once

#include <string>

#include "plugin/operator/command.h"

namespace tool {

/// All commands, a line each.
[[nodiscard]] std::string overview();
/// "patchcord list [options]"
[[nodiscard]] std::string usage_of(const Command& command);
[[nodiscard]] std::string help_of(const Command& command);
[[nodiscard]] std::string version_line();

}  // namespace tool
