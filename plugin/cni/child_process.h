#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cni {

/// How a program ended, and what it wrote.
struct Outcome {
  enum class End : std::uint8_t {
    kExited,      // number: its exit status
    kSignaled,    // number: the signal
    kTimedOut,    // it was killed
    kTooMuchText  // it was killed
  };
  End end = End::kExited;
  int number = 0;
  std::string output = {};
};

struct Limits {
  std::chrono::milliseconds patience{0};
  std::size_t output = 0;  // bytes
};

/// Runs the program at `path`, which is its argv[0] too, with this environment ("NAME=value"),
/// `input` as its stdin, and `arguments` behind its name, and returns when it has ended. Its stderr
/// is ours. It leads a process group of its own, which is killed as a whole when the limits are
/// exceeded; it is killed by the kernel when the calling thread dies. What it leaves behind in the
/// background is not waited for, even where that keeps stdout open. A program file that is open for
/// writing (ETXTBSY, it is just being replaced) is waited for, at most one second.
///
/// Throws base::SystemError where it could not be started.
[[nodiscard]] Outcome run_child(const std::string& path,
                                const std::vector<std::string>& environment, std::string_view input,
                                const Limits& limits,
                                const std::vector<std::string>& arguments = {});

}  // namespace cni
