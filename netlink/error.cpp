#include "netlink/error.h"

#include <utility>

#include "base/error.h"

namespace netlink {
namespace {

std::string describe(std::string_view operation, std::string_view object, int code,
                     const std::string& kernel_text) {
  std::string text(operation);
  if (!object.empty()) text.append(" ").append(object);
  text.append(": ").append(base::errno_text(code));
  if (!kernel_text.empty()) text.append(" (").append(kernel_text).append(")");
  return text;
}

}  // namespace

Error::Error(std::string_view operation, std::string_view object, int code, std::string kernel_text)
    : std::runtime_error(describe(operation, object, code, kernel_text)),
      operation_(operation),
      object_(object),
      code_(code),
      kernel_text_(std::move(kernel_text)) {}

}  // namespace netlink
