#pragma once

#include <string>

#include "plugin/observe/operation.h"

namespace observe {

/// Counts the operation in the file, which is replaced as a whole. The file is its own memory.
/// Waits a second for others at most (base::LockTimeout).
void write_metrics(const Operation& operation, const std::string& path,
                   const std::string& state_directory);

}  // namespace observe
