#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tool {

/// Writes one document, indented by two, front to back, as JSON or as YAML. Text may be any bytes.
class Json {
 public:
  Json() = default;
  explicit Json(bool as_yaml) : as_yaml_(as_yaml) {}

  Json& begin_object() { return begin('{'); }
  Json& end_object() { return end('}'); }
  Json& begin_list() { return begin('['); }
  Json& end_list() { return end(']'); }
  Json& key(std::string_view name);
  Json& text(std::string_view value);
  Json& number(std::int64_t value) { return raw(std::to_string(value)); }
  Json& boolean(bool value) { return raw(value ? "true" : "false"); }

  // A member in one call.
  Json& member(std::string_view name, std::string_view value) { return key(name).text(value); }
  Json& member(std::string_view name, const char* value) { return key(name).text(value); }
  Json& member(std::string_view name, const std::vector<std::string>& values);
  Json& member(std::string_view name, std::integral auto value) {
    if constexpr (std::same_as<decltype(value), bool>) {
      return key(name).boolean(value);
    } else {
      return key(name).number(static_cast<std::int64_t>(value));
    }
  }

  /// With a newline at the end; every object and list is to be ended by now.
  [[nodiscard]] std::string document() const { return text_ + "\n"; }

 private:
  Json& begin(char bracket);
  Json& end(char bracket);
  Json& raw(std::string_view token);
  void separate();
  void begin_line();
  Json& begin_yaml(char bracket);
  Json& end_yaml(char bracket);

  /// An object or list of YAML that has not ended yet.
  struct Block {
    bool is_list = false;
    bool begins_line = false;  // its first member stands behind a dash, or begins the document
    bool is_value = false;     // of a key
    std::size_t indent = 0;
    std::size_t count = 0;
  };
  bool as_yaml_ = false;
  std::vector<Block> blocks_;
  std::string text_;
  std::size_t depth_ = 0;
  bool is_first_ = true;    // of the object or list at hand
  bool after_key_ = false;  // the next token is a member's value
};

}  // namespace tool
