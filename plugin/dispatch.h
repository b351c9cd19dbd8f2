#pragma once

#include <exception>
#include <functional>
#include <string>
#include <string_view>

#include "plugin/cni/error.h"
#include "plugin/cni/request.h"

/// The process edge: from the environment and stdin to an exit status and one document, without a
/// process around it.
namespace plugin {

struct Invocation {
  std::string_view called_as;  // argv[0]
  const cni::Environment& environment;
  /// Called at most once, and not for VERSION. May throw base::SystemError.
  std::function<std::string()> read_input;
  /// Takes the one document for stdout. May throw base::SystemError.
  std::function<void(const std::string&)> write_output;
  /// Takes a line for stderr as it comes.
  std::function<void(const std::string&)> report;
  bool on_terminal = false;  // stdin is one
};

/// What an error document, or the operator, is told of anything that is thrown.
[[nodiscard]] cni::Error as_error(std::exception_ptr thrown);

/// Where records are, unless the environment says otherwise.
[[nodiscard]] std::string state_directory_of(const cni::Environment& environment);

/// Returns the exit status, 0 or 1. The only place where an exception becomes an error document.
[[nodiscard]] int dispatch(const Invocation& invocation) noexcept;

}  // namespace plugin
