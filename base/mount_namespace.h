#pragma once

#include <cstdint>

namespace base {

/// Tells the mount namespaces that there are apart: a path may lead elsewhere in another one, or
/// nowhere. 0 where that cannot be told.
[[nodiscard]] std::uint64_t mount_namespace() noexcept;

}  // namespace base
