#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cluster {

/// RFC 4648, with padding.
[[nodiscard]] std::string to_base64(std::string_view bytes);
/// Absent for anything else than such a text; line ends are passed over.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace cluster
