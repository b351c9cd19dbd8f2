#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "plugin/attachment/attachment.h"

namespace operations {

/// Takes the time of one part of an operation after the other.
class Stopwatch {
 public:
  /// Ends the part that began with the one before it ending, or with this object.
  void lap(std::string_view step) {
    const auto now = Clock::now();
    timings_.push_back({.step = std::string(step), .microseconds = microseconds(last_, now)});
    last_ = now;
  }
  /// Microseconds since this object was made.
  [[nodiscard]] std::uint64_t total() const { return microseconds(began_, Clock::now()); }
  [[nodiscard]] const std::vector<attachment::Timing>& timings() const noexcept { return timings_; }

 private:
  using Clock = std::chrono::steady_clock;
  static std::uint64_t microseconds(Clock::time_point from, Clock::time_point to) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(to - from).count());
  }

  Clock::time_point began_ = Clock::now();
  Clock::time_point last_ = began_;
  std::vector<attachment::Timing> timings_;
};

}  // namespace operations
