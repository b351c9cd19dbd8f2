#include "plugin/operator/json.h"

#include "plugin/cni/text.h"

namespace tool {

std::string quote_json(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char c : cni::repair_utf8(text)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (byte < 0x20) {
      quoted += "\\u00";
      quoted += kDigits[byte >> 4U];
      quoted += kDigits[byte & 0xFU];
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

void Json::separate() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (!is_first_) text_ += ",";
  if (depth_ > 0) text_ += "\n" + std::string(2 * depth_, ' ');
  is_first_ = false;
}

Json& Json::raw(std::string_view token) {
  separate();
  text_ += token;
  return *this;
}

Json& Json::begin(char bracket) {
  separate();
  text_ += bracket;
  ++depth_;
  is_first_ = true;
  return *this;
}

Json& Json::end(char bracket) {
  --depth_;
  if (!is_first_) text_ += "\n" + std::string(2 * depth_, ' ');
  text_ += bracket;
  is_first_ = false;
  return *this;
}

Json& Json::key(std::string_view name) {
  separate();
  text_ += quote_json(name) + ": ";
  after_key_ = true;
  return *this;
}

Json& Json::text(std::string_view value) {
  return raw(quote_json(value));
}

Json& Json::member(std::string_view name, const std::vector<std::string>& values) {
  key(name).begin_list();
  for (const auto& value : values) text(value);
  return end_list();
}

}  // namespace tool
