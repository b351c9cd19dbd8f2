#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace base {

/// A stack of undo steps that runs, last first, unless dismissed.
///
/// An undo is registered on the line after its effect. An undo that throws is reported through
/// the sink and the rest still run: undoing must get as far as it can.
class Rollback {
 public:
  using Report = std::function<void(const std::string& message)>;

  explicit Rollback(Report report) : report_(std::move(report)) {}
  Rollback(const Rollback&) = delete;
  Rollback& operator=(const Rollback&) = delete;
  ~Rollback() { run(); }

  /// `what` completes the sentence "cannot undo: ...".
  void add(std::string what, std::function<void()> undo) {
    steps_.push_back({std::move(what), std::move(undo)});
  }

  /// As add(), for what somebody else may have once it is given back: it runs only if all that was
  /// registered later was undone, because that may still lead there.
  void add_if_rest_is_undone(std::string what, std::function<void()> undo) {
    steps_.push_back({std::move(what), std::move(undo), true});
  }

  /// Keeps every effect so far.
  void dismiss() noexcept { steps_.clear(); }

  /// Undoes now what is registered, after which the stack is empty. False where an undo failed.
  bool run() noexcept;

 private:
  struct Step {
    std::string what;
    std::function<void()> undo;
    bool is_conditional = false;
  };
  Report report_;
  std::vector<Step> steps_;
};

}  // namespace base
