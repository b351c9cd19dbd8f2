#pragma once

#include <functional>
#include <string>

/// What the protocol asks of a plugin, each in the file of its name. What a type's name means is in
/// plugin/types; what operations have in common in plugin/operations/shared.
namespace operations {

class Stopwatch;

/// What an operation is given besides its request.
struct Settings {
  std::string state_directory = "/run/patchcord";
  /// Takes a line for stderr: what could not be undone, what was ignored and why.
  std::function<void(const std::string&)> report;
  /// Hands the result document to the runtime. Throws base::SystemError where it does not take it.
  std::function<void(const std::string&)> deliver;
  /// Takes the times of an operation's parts, where somebody wants them.
  Stopwatch* watch = nullptr;
};

}  // namespace operations
