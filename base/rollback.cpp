#include "base/rollback.h"

#include <exception>

namespace base {

bool Rollback::run() noexcept {
  bool complete = true;
  while (!steps_.empty()) {
    const Step step = std::move(steps_.back());
    steps_.pop_back();
    if (step.is_conditional && !complete) {
      report_("not undone, because of that: " + step.what);
      continue;
    }
    try {
      step.undo();
    } catch (const std::exception& error) {
      complete = false;
      report_("cannot undo: " + step.what + ": " + error.what());
    }
  }
  return complete;
}

}  // namespace base
