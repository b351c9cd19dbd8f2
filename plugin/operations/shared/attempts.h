#pragma once

#include <functional>
#include <string>

namespace operations {

/// Runs each action whatever became of the others, and remembers what went wrong.
class Attempts {
 public:
  void run(const std::function<void()>& action);
  [[nodiscard]] bool any_failed() const noexcept { return count_ > 0; }
  /// One cni::Error: a single problem keeps its own code, several are one incomplete operation.
  void throw_if_any() const;
  /// One cni::Error{kIncomplete}, however many problems there are.
  void throw_incomplete_if_any() const;

 private:
  void remember(const std::string& problem, unsigned code);
  std::string text_;
  unsigned code_ = 0;
  int count_ = 0;
};

}  // namespace operations
