#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace netlink {

/// The kernel refused a request, or did not answer it.
///
/// what() reads "add route 10.88.0.5/32 to veth1a2b: Network is unreachable (Nexthop has invalid
/// gateway)": operation, object, the errno's text, and in parentheses the kernel's extended-ack
/// text where it gave one (netlink(7), NETLINK_EXT_ACK).
class Error : public std::runtime_error {
 public:
  Error(std::string_view operation, std::string_view object, int code, std::string kernel_text);

  [[nodiscard]] const std::string& operation() const noexcept { return operation_; }
  [[nodiscard]] const std::string& object() const noexcept { return object_; }
  /// The errno of the acknowledgement as the kernel sent it, not libnl's narrowing of it.
  [[nodiscard]] int code() const noexcept { return code_; }
  [[nodiscard]] const std::string& kernel_text() const noexcept { return kernel_text_; }

 private:
  std::string operation_;
  std::string object_;
  int code_;
  std::string kernel_text_;
};

/// The request was sent, but its answer was lost: the kernel may have done it or not.
class Unanswered : public Error {
  using Error::Error;
};

}  // namespace netlink
