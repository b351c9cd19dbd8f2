#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cni {

/// The one of the words that `word` may be a slip of: with the fewest letters left out, put in,
/// taken for another or swapped, whatever their case; two at most, and no more than a third of
/// them. Empty where none is that near.
[[nodiscard]] std::string nearest(std::string_view word, const std::vector<std::string>& words);

}  // namespace cni
