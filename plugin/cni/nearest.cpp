#include "plugin/cni/nearest.h"

#include <algorithm>
#include <array>

namespace cni {
namespace {

char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

// Damerau's distance, with each pair of letters swapped at most once.
std::size_t distance(std::string_view left, std::string_view right) {
  std::array<std::vector<std::size_t>, 3>
      rows;  // of the letter before the last, the last, this one
  for (auto& row : rows) row.resize(right.size() + 1);
  for (std::size_t j = 0; j <= right.size(); ++j) rows[2][j] = j;
  for (std::size_t i = 1; i <= left.size(); ++i) {
    std::rotate(rows.begin(), rows.begin() + 1, rows.end());
    rows[2][0] = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const bool same = lower(left[i - 1]) == lower(right[j - 1]);
      rows[2][j] = std::min({rows[1][j] + 1, rows[2][j - 1] + 1, rows[1][j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && lower(left[i - 1]) == lower(right[j - 2]) &&
                           lower(left[i - 2]) == lower(right[j - 1]);
      if (swapped) rows[2][j] = std::min(rows[2][j], rows[0][j - 2] + 1);
    }
  }
  return rows[2][right.size()];
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& words) {
  constexpr std::size_t kMost = 2;
  std::size_t least = std::min(kMost, word.size() / 3) + 1;
  std::string found;
  for (const auto& each : words) {
    const std::size_t steps = distance(word, each);
    if (steps >= least) continue;
    least = steps;
    found = each;
  }
  return found;
}

}  // namespace cni
