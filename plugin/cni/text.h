#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace cni {

/// One character of UTF-8 text and the bytes that it takes.
struct Character {
  char32_t code_point = 0;
  std::size_t length = 0;
};

/// The first character of `text`, which must not be empty. Absent where the bytes are no UTF-8 as
/// RFC 3629 has it: overlong forms, surrogates and what lies above U+10FFFF included.
[[nodiscard]] std::optional<Character> first_character(std::string_view text);

/// Of ASCII letters; all other bytes must be the same.
[[nodiscard]] bool equal_in_any_case(std::string_view left, std::string_view right);

/// Every byte that belongs to no character becomes U+FFFD, one each, as Go's decoder does it.
[[nodiscard]] std::string repair_utf8(std::string_view text);

/// `text` in double quotes for a message, cut where it is long. (Not "quoted": argument-dependent
/// look-up finds std::quoted.)
[[nodiscard]] std::string quote(std::string_view text);

/// In double quotes, escaped as RFC 8259 has it; bytes that are no UTF-8 become U+FFFD.
[[nodiscard]] std::string quote_json(std::string_view text);

}  // namespace cni
