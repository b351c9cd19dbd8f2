#pragma once

#include <vector>

#include "base/ip_prefix.h"

namespace base {

/// In order, and without those that lie within another: a kernel's set takes no overlapping
/// intervals.
[[nodiscard]] std::vector<IpPrefix> without_overlaps(std::vector<IpPrefix> prefixes);

}  // namespace base
