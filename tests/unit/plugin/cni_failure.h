#pragma once

#include <optional>
#include <string>
#include <utility>

#include "plugin/cni/error.h"

/// The Error that `act` ends in; absent where it does not.
template <typename Act>
std::optional<cni::Error> failure_of(Act&& act) {
  try {
    (void)std::forward<Act>(act)();
  } catch (const cni::Error& error) {
    return error;
  }
  return std::nullopt;
}

inline std::optional<unsigned> code_of(const std::optional<cni::Error>& error) {
  return error ? std::optional(error->code()) : std::nullopt;
}

inline std::string message_of(const std::optional<cni::Error>& error) {
  return error ? error->what() : "no error";
}

constexpr unsigned number(cni::Code code) {
  return static_cast<unsigned>(code);
}
