#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace cluster {

/// Why a call came to nothing; its number is the exit status (docs/decisions/0110).
enum class Kind : int {
  kDone = 0,
  kFailed = 1,   // the source does not answer, refuses, or is another's
  kMisused = 2,  // called wrongly
  kNothing = 3   // there is nothing to be had
};

class Failure : public std::runtime_error {
 public:
  /// `what` is one sentence, `remedy` what to do about it, or empty.
  Failure(Kind kind, const std::string& what, std::string remedy = {})
      : std::runtime_error(what), kind_(kind), remedy_(std::move(remedy)) {}

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] const std::string& remedy() const noexcept { return remedy_; }

 private:
  Kind kind_;
  std::string remedy_;
};

}  // namespace cluster
