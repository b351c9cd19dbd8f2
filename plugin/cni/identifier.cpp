#include "plugin/cni/identifier.h"

#include <algorithm>

#include <net/if.h>

#include "plugin/cni/text.h"

namespace cni {
namespace {

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// The White_Space property of Unicode.
bool is_space(char32_t c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool is_control(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F);
}

std::string_view defect_of_character(char32_t c) {
  if (c == '/') return "contains '/'";
  if (c == ':') return "contains ':'";
  if (c == '%') return "contains '%', which the kernel takes for a pattern";
  if (is_space(c)) return "contains white space";
  if (is_control(c)) return "contains a control character";
  return {};
}

}  // namespace

bool is_identifier(std::string_view text) {
  if (text.empty() || !is_letter_or_digit(text.front())) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter_or_digit(c) || c == '_' || c == '.' || c == '-';
  });
}

std::string_view defect_of_interface_name(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.size() >= IFNAMSIZ) return "is longer than 15 bytes";
  if (name == "." || name == "..") return "is a name for a directory";
  while (!name.empty()) {
    const auto character = first_character(name);
    if (!character) return "is not UTF-8";
    if (const auto defect = defect_of_character(character->code_point); !defect.empty())
      return defect;
    name.remove_prefix(character->length);
  }
  return {};
}

}  // namespace cni
