#include "base/error.h"

#include <cstring>

namespace base {

std::string errno_text(int code) {
  const char* text = strerrordesc_np(code);
  return text != nullptr ? std::string(text) : "error " + std::to_string(code);
}

SystemError::SystemError(std::string_view operation, std::string_view object, int code)
    : std::runtime_error(std::string(operation) + " " + std::string(object) + ": " +
                         errno_text(code)),
      code_(code) {}

}  // namespace base
