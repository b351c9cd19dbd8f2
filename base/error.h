#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace base {

/// A system call on a file or descriptor failed.
class SystemError : public std::runtime_error {
 public:
  /// `operation` is a verb phrase ("open", "rename to"), `object` what it was done to, `code` the
  /// errno.
  SystemError(std::string_view operation, std::string_view object, int code);
  [[nodiscard]] int code() const noexcept { return code_; }

 private:
  int code_;
};

/// A lock was not to be had within its deadline; the message names the holder where the kernel
/// tells.
class LockTimeout : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The C library's text for an errno, without its shared buffer.
[[nodiscard]] std::string errno_text(int code);

}  // namespace base
