#include "plugin/cni/text.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace cni {
namespace {

constexpr std::size_t kLongestQuote = 120;

bool is_continuation(char byte) {
  return (static_cast<std::uint8_t>(byte) & 0xC0U) == 0x80U;
}

struct Lead {
  std::size_t length;
  char32_t bits;
  char32_t least;  // what a shorter form could not have said
};

std::optional<Lead> read_lead(std::uint8_t byte) {
  if (byte < 0x80) return Lead{1, byte, 0};
  if ((byte & 0xE0U) == 0xC0U) return Lead{2, byte & 0x1FU, 0x80};
  if ((byte & 0xF0U) == 0xE0U) return Lead{3, byte & 0x0FU, 0x800};
  if ((byte & 0xF8U) == 0xF0U) return Lead{4, byte & 0x07U, 0x10000};
  return std::nullopt;
}

struct Span {
  char32_t first;
  char32_t last;
};
// Of Unicode's categories Cc, Cf, Zl and Zp what has no shape of its own, and the tags, in order.
constexpr std::array<Span, 14> kUnprintable = {{{0x00, 0x1F},
                                                {0x7F, 0x9F},        // DEL, C1
                                                {0xAD, 0xAD},        // soft hyphen
                                                {0x61C, 0x61C},      // Arabic letter mark
                                                {0x180E, 0x180E},    // Mongolian vowel separator
                                                {0x200B, 0x200F},    // of no width; marks
                                                {0x2028, 0x202E},    // line breaks, directions
                                                {0x2060, 0x206F},    // joiners, isolates
                                                {0xFE00, 0xFE0F},    // variations
                                                {0xFEFF, 0xFEFF},    // byte order mark
                                                {0xFFF9, 0xFFFB},    // annotations
                                                {0x1BCA0, 0x1BCA3},  // of shorthand
                                                {0x1D173, 0x1D17A},  // of music
                                                {0xE0000, 0xE0FFF}}};

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Calls `visit` with each character and its bytes; with U+FFFD for each byte that is of none.
template <class Visit>
void each_character(std::string_view text, Visit visit) {
  constexpr char32_t kReplaced = 0xFFFD;
  while (!text.empty()) {
    const auto character = first_character(text);
    const std::size_t length = character ? character->length : 1;
    visit(character ? character->code_point : kReplaced,
          character ? text.substr(0, length) : kReplacement);
    text.remove_prefix(length);
  }
}

bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7F; });
}

void append_unit(char32_t unit, std::string& text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  text += "\\u";
  for (const unsigned shift : {12U, 8U, 4U, 0U}) text += kDigits[unit >> shift & 0xFU];
}

// RFC 8259: what lies beyond U+FFFF is two units of UTF-16.
void append_escaped(char32_t code_point, std::string& text) {
  if (code_point < 0x10000) return append_unit(code_point, text);
  const char32_t rest = code_point - 0x10000;
  append_unit(0xD800 + (rest >> 10U), text);
  append_unit(0xDC00 + (rest & 0x3FFU), text);
}

std::string replace_unprintable(std::string_view text, std::string_view kept) {
  if (is_plain(text)) return std::string(text);
  std::string result;
  each_character(text, [&](char32_t code_point, std::string_view bytes) {
    const bool stays = is_printable(code_point) || kept.find(bytes) != std::string_view::npos;
    result += stays ? bytes : kReplacement;
  });
  return result;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

bool equal_in_any_case(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

std::optional<Character> first_character(std::string_view text) {
  const auto lead = read_lead(static_cast<std::uint8_t>(text.front()));
  if (!lead || text.size() < lead->length) return std::nullopt;
  char32_t code_point = lead->bits;
  for (std::size_t i = 1; i < lead->length; ++i) {
    if (!is_continuation(text[i])) return std::nullopt;
    code_point = code_point << 6U | (static_cast<std::uint8_t>(text[i]) & 0x3FU);
  }
  const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  if (code_point < lead->least || code_point > 0x10FFFF || surrogate) return std::nullopt;
  return Character{code_point, lead->length};
}

std::string repair_utf8(std::string_view text) {
  std::string repaired;
  repaired.reserve(text.size());
  each_character(text, [&](char32_t, std::string_view bytes) { repaired += bytes; });
  return repaired;
}

bool is_printable(char32_t code_point) {
  if (code_point >= ' ' && code_point < 0x7F) return true;
  return std::none_of(kUnprintable.begin(), kUnprintable.end(), [&](const Span& span) {
    return span.first <= code_point && code_point <= span.last;
  });
}

std::string printable(std::string_view text) {
  return replace_unprintable(text, "");
}

std::string printable_lines(std::string_view text) {
  return replace_unprintable(text, "\t\n");
}

std::string printable_json(std::string json) {
  if (std::all_of(json.begin(), json.end(), [](char c) { return c > 0 && c < 0x7F; })) return json;
  std::string result;
  each_character(json, [&](char32_t code_point, std::string_view bytes) {
    // Of the others that are not printable only white space can be there unescaped.
    if (code_point < 0x7F || is_printable(code_point)) {
      result += bytes;
    } else {
      append_escaped(code_point, result);
    }
  });
  return result;
}

std::string quote(std::string_view text) {
  if (text.size() <= kLongestQuote) return '"' + std::string(text) + '"';
  std::size_t end = kLongestQuote;
  while (end > 0 && is_continuation(text[end])) --end;
  return '"' + std::string(text.substr(0, end)) + "...\"";
}

std::string quote_json(std::string_view text) {
  std::string quoted = "\"";
  each_character(text, [&](char32_t code_point, std::string_view bytes) {
    if (code_point == '"' || code_point == '\\') {
      quoted += '\\';
      quoted += bytes;
    } else if (code_point == '\n') {
      quoted += "\\n";
    } else if (is_printable(code_point)) {
      quoted += bytes;
    } else {
      append_escaped(code_point, quoted);
    }
  });
  return quoted + "\"";
}

}  // namespace cni
