// Texts to JSON documents and back, as Go reads and writes them (object.h).
#include <algorithm>
#include <cstdint>

#include <nlohmann/json.hpp>

#include "plugin/cni/error.h"
#include "plugin/cni/object.h"
#include "plugin/cni/text.h"

namespace cni {
namespace {

constexpr std::size_t kDeepestNesting = 64;
constexpr std::string_view kWhiteSpace = " \t\r\n";

[[noreturn]] void refuse(std::string_view called, std::string_view problem) {
  throw Error(Code::kDecoding, std::string(called) + ' ' + std::string(problem));
}

[[noreturn]] void refuse_at(std::string_view called, std::string_view text, std::size_t offset,
                            std::string_view problem) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const std::size_t column = before.size() - (before.rfind('\n') + 1);  // npos + 1 is 0
  refuse(called, "is not valid JSON at line " + std::to_string(lines + 1) + ", column " +
                     std::to_string(column + 1) + ": " + std::string(problem));
}

// What one pass over the text finds out before the parser sees it. The parser itself would take a
// NUL byte for the end, and would skip a byte order mark.
void refuse_what_the_parser_lets_pass(std::string_view text, std::string_view called) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\0') refuse_at(called, text, i, "a NUL byte");
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kDeepestNesting) refuse_at(called, text, i, "nested deeper than 64 levels");
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  if (text.substr(0, 3) == "\xEF\xBB\xBF") refuse_at(called, text, 0, "a byte order mark");
}

// "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while parsing
// value - invalid literal; last read: 'x'; expected string literal" becomes "invalid literal;
// expected string literal". What was read last can be as long as the document, and the position
// says it too.
std::string reason_of(const nlohmann::json::exception& error) {
  std::string_view text = error.what();
  if (const auto dash = text.find(" - "); dash != std::string_view::npos) {
    text.remove_prefix(dash + 3);
  } else if (const auto bracket = text.find("] "); bracket != std::string_view::npos) {
    text.remove_prefix(bracket + 2);
  }
  const auto last_read = text.find("; last read: '");
  if (last_read == std::string_view::npos) return std::string(text);
  const auto expected = text.rfind("'; expected ");
  std::string reason(text.substr(0, last_read));
  if (expected != std::string_view::npos && expected > last_read)
    reason += text.substr(expected + 1);
  return reason;
}

nlohmann::json parse(std::string_view text, std::string_view called) {
  try {
    return nlohmann::json::parse(text.begin(), text.end());
  } catch (const nlohmann::json::parse_error& error) {
    // Its position counts from one, and from what it has read, which at the end is one too many.
    refuse_at(called, text, error.byte > 0 ? error.byte - 1 : 0, reason_of(error));
  } catch (const nlohmann::json::exception& error) {
    refuse(called, "cannot be read: " + reason_of(error));
  }
}

}  // namespace

nlohmann::json parse_object(std::string_view text, std::string_view called, std::size_t longest) {
  if (text.size() > longest)
    refuse(called, "is longer than " + std::to_string(longest >> 20U) + " MiB");
  if (text.find_first_not_of(kWhiteSpace) == std::string_view::npos) refuse(called, "is empty");
  refuse_what_the_parser_lets_pass(text, called);
  const bool ascii = std::none_of(text.begin(), text.end(),
                                  [](char c) { return static_cast<std::uint8_t>(c) >= 0x80; });
  nlohmann::json document = ascii ? parse(text, called) : parse(repair_utf8(text), called);
  if (!document.is_object()) refuse(called, "must be a JSON object, but is " + describe(document));
  return document;
}

std::string print_document(const nlohmann::json& document) {
  return printable_json(document.dump(4, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace cni
