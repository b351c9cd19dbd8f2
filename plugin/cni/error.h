#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "plugin/cni/version.h"

namespace cni {

/// Error codes: 1 to 99 are the specification's (CNI 1.1.0, "Error"), 100 and above are ours and
/// are stable.
enum class Code : unsigned {
  kIncompatibleVersion = 1,
  kUnsupportedField = 2,
  kUnknownContainer = 3,
  kInvalidEnvironment = 4,  // missing or malformed CNI_ variables
  kIo = 5,
  kDecoding = 6,  // stdin is not one JSON object, or cniVersion is no version
  kInvalidConfig = 7,
  kInvalidNamespace = 8,  // libcni's constant: not a network namespace, or the host's own
  kTryAgainLater = 11,
  kNotReady = 50,  // STATUS: cannot serve ADD
  kNotReadyAndImpaired = 51,
  kKernel = 100,       // the kernel refused a request
  kFile = 101,         // a file or directory of ours could not be used
  kExhausted = 102,    // no free address, port or name
  kConflict = 103,     // something is in use by another owner, or exists already
  kDelegate = 104,     // a delegated plugin could not be run or answered nonsense
  kCheckFailed = 105,  // CHECK found something missing or altered
  kIncomplete = 106,   // DEL or GC did what it could, but not all
  kInternal = 999,
};

/// What is printed on stdout when an operation fails.
class Error : public std::runtime_error {
 public:
  Error(Code code, const std::string& message, std::string details = {})
      : Error(static_cast<unsigned>(code), message, std::move(details)) {}
  /// For a delegate's error, whose code is any number.
  Error(unsigned code, const std::string& message, std::string details)
      : std::runtime_error(message), code_(code), details_(std::move(details)) {}

  [[nodiscard]] unsigned code() const noexcept { return code_; }
  [[nodiscard]] const std::string& details() const noexcept { return details_; }

 private:
  unsigned code_;
  std::string details_;
};

/// The error document (CNI 1.1.0, "Error"): cniVersion, code, msg, and details where there are any.
/// Never throws on text that is not UTF-8.
[[nodiscard]] std::string to_document(const Error& error, Version version);

/// Reads another plugin's error document. A code that is missing or 0, which the specification
/// leaves unassigned, is read as kDelegate. Absent where `document` is none: not one JSON object,
/// or one with neither code nor msg, or a code that is no number from 0 to 2^32-1.
[[nodiscard]] std::optional<Error> parse_error(std::string_view document);

}  // namespace cni
