#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace base {

/// SHA-512 (FIPS 180-4) of `text`.
[[nodiscard]] std::array<std::uint8_t, 64> sha512(std::string_view text);

/// The first `digits` lower-case hexadecimal digits of sha512(text). At most 128.
[[nodiscard]] std::string sha512_hex(std::string_view text, std::size_t digits);

}  // namespace base
