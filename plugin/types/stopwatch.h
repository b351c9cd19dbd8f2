#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "plugin/attachment/attachment.h"

namespace types {

/// Takes the time of one part of an operation after the other.
class Stopwatch {
 public:
  /// Ends the part that began with the one before it ending, or with this object.
  void lap(std::string_view step) {
    const auto now = Clock::now();
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(now - last_);
    timings_.push_back(
        {.step = std::string(step), .microseconds = static_cast<std::uint64_t>(took.count())});
    last_ = now;
  }
  [[nodiscard]] const std::vector<attachment::Timing>& timings() const noexcept { return timings_; }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point last_ = Clock::now();
  std::vector<attachment::Timing> timings_;
};

}  // namespace types
