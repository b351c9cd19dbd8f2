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

/// Whether a character may go to a terminal as it is. Not if it steers one (C0, DEL, C1), turns the
/// direction of what comes after it, breaks a line, or is not to be seen: names come from
/// containers, and what an operator reads must be what is there.
[[nodiscard]] bool is_printable(char32_t code_point);

/// Everything that is not printable, and every byte that belongs to no character, becomes U+FFFD.
[[nodiscard]] std::string printable(std::string_view text);
/// The same for text of ours, with what others have called things in it: tabs and line feeds stay.
[[nodiscard]] std::string printable_lines(std::string_view text);

/// A JSON text with everything that is not printable escaped, which says the same.
[[nodiscard]] std::string printable_json(std::string json);

/// `text` in double quotes for a message, cut where it is long. (Not "quoted": argument-dependent
/// look-up finds std::quoted.)
[[nodiscard]] std::string quote(std::string_view text);

/// In double quotes, escaped as RFC 8259 has it, and what is not printable as well; bytes that are
/// no UTF-8 become U+FFFD.
[[nodiscard]] std::string quote_json(std::string_view text);

}  // namespace cni
