#include "base/prefix_list.h"

#include <algorithm>

namespace base {

std::vector<IpPrefix> without_overlaps(std::vector<IpPrefix> prefixes) {
  std::sort(prefixes.begin(), prefixes.end());
  std::vector<IpPrefix> kept;
  for (const IpPrefix& prefix : prefixes) {
    if (kept.empty() || !kept.back().overlaps(prefix)) kept.push_back(prefix);
  }
  return kept;
}

}  // namespace base
