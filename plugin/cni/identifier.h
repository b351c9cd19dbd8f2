#pragma once

#include <string_view>

namespace cni {

/// A container id or network name (CNI 1.1.0, "Parameters" and "Network configuration"): an ASCII
/// letter or digit, then any of these and '_', '.', '-'. There is no limit to its length.
[[nodiscard]] bool is_identifier(std::string_view text);

/// What is wrong with `name` as an interface's name, as the end of a sentence ("is longer than 15
/// bytes"); empty where it is fine. The rules are the kernel's (dev_valid_name) with white space in
/// Unicode's sense, and stricter in '%', which the kernel takes for a pattern, in control
/// characters and in bytes that are not UTF-8.
[[nodiscard]] std::string_view defect_of_interface_name(std::string_view name);

}  // namespace cni
