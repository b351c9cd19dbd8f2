#pragma once

#include <cstdint>

namespace base {

/// Seconds of the epoch before which this boot cannot have begun, however the clock was set since:
/// whatever is dated earlier is of an earlier boot. 0, which nothing is earlier than, where that
/// cannot be told, as in a time namespace of one's own.
[[nodiscard]] std::int64_t earliest_boot_time();

}  // namespace base
