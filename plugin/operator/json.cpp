#include "plugin/operator/json.h"

#include "plugin/cni/text.h"

namespace tool {

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
  text_ += cni::quote_json(name) + ": ";
  after_key_ = true;
  return *this;
}

Json& Json::text(std::string_view value) {
  return raw(cni::quote_json(value));
}

Json& Json::member(std::string_view name, const std::vector<std::string>& values) {
  key(name).begin_list();
  for (const auto& value : values) text(value);
  return end_list();
}

}  // namespace tool
