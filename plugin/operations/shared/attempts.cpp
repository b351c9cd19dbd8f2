#include "plugin/operations/shared/attempts.h"

#include "base/error.h"
#include "plugin/cni/error.h"

namespace operations {

void Attempts::run(const std::function<void()>& action) {
  try {
    action();
  } catch (const cni::Error& error) {
    remember(error.what(), error.code());
  } catch (const base::LockTimeout& error) {
    remember(error.what(), static_cast<unsigned>(cni::Code::kTryAgainLater));
  } catch (const std::exception& error) {
    remember(error.what(), static_cast<unsigned>(cni::Code::kIncomplete));
  }
}

void Attempts::throw_if_any() const {
  if (count_ == 1) throw cni::Error(code_, text_, {});
  throw_incomplete_if_any();
}

void Attempts::throw_incomplete_if_any() const {
  if (count_ > 0) throw cni::Error(cni::Code::kIncomplete, text_);
}

void Attempts::remember(const std::string& problem, unsigned code) {
  text_ += (text_.empty() ? "" : "; ") + problem;
  code_ = code;
  ++count_;
}

}  // namespace operations
