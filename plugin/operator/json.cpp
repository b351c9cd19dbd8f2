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

// Of a member or element of the block at hand.
void Json::begin_line() {
  Block& block = blocks_.back();
  if (block.count++ > 0 || !block.begins_line) text_ += "\n" + std::string(block.indent, ' ');
  if (block.is_list) text_ += "- ";
}

Json& Json::begin_yaml(char bracket) {
  Block block{.is_list = bracket == '[', .begins_line = !after_key_, .is_value = after_key_};
  if (!blocks_.empty()) {
    if (!after_key_) begin_line();
    block.indent = blocks_.back().indent + 2;
  }
  after_key_ = false;
  blocks_.push_back(block);
  return *this;
}

// What is empty has no lines of its own.
Json& Json::end_yaml(char bracket) {
  const Block block = blocks_.back();
  blocks_.pop_back();
  if (block.count == 0) {
    text_ += std::string(block.is_value ? " " : "") + (bracket == ']' ? "[]" : "{}");
  }
  return *this;
}

Json& Json::raw(std::string_view token) {
  if (as_yaml_) {
    if (after_key_) {
      text_ += ' ';
    } else {
      begin_line();
    }
    after_key_ = false;
    text_ += token;
    return *this;
  }
  separate();
  text_ += token;
  return *this;
}

Json& Json::begin(char bracket) {
  if (as_yaml_) return begin_yaml(bracket);
  separate();
  text_ += bracket;
  ++depth_;
  is_first_ = true;
  return *this;
}

Json& Json::end(char bracket) {
  if (as_yaml_) return end_yaml(bracket);
  --depth_;
  if (!is_first_) text_ += "\n" + std::string(2 * depth_, ' ');
  text_ += bracket;
  is_first_ = false;
  return *this;
}

Json& Json::key(std::string_view name) {
  if (as_yaml_) {
    begin_line();
    text_ += std::string(name) + ":";
    after_key_ = true;
    return *this;
  }
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
