#include "plugin/operator/toml.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <utility>

namespace tool {
namespace {

constexpr std::size_t kDeepest = 64;  // lists and tables in each other

bool is_bare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

void append_utf8(std::string& text, unsigned long code) {
  const auto tail = [&](unsigned shift) {
    text += static_cast<char>(0x80U | ((code >> shift) & 0x3fU));
  };
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xc0U | (code >> 6U));
    tail(0);
  } else if (code < 0x10000) {
    text += static_cast<char>(0xe0U | (code >> 12U));
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xf0U | (code >> 18U));
    tail(12);
    tail(6);
    tail(0);
  }
}

class TomlReader {
 public:
  explicit TomlReader(std::string_view text) : text_(text) {}
  Toml read();

 private:
  [[noreturn]] void fail(const std::string& what) const;
  [[nodiscard]] bool at(std::string_view token) const {
    return text_.substr(at_).starts_with(token);
  }
  [[nodiscard]] bool is_over() const { return at_ >= text_.size(); }
  bool skip(std::string_view token);
  void require(std::string_view token);
  void skip_blanks();
  void skip_lines();
  void end_line();
  void read_header();
  void read_pair(const TomlPath& table);
  [[nodiscard]] TomlPath read_key();
  void read_value(const TomlPath& path, std::size_t depth);
  void read_inline_table(const TomlPath& path, std::size_t depth);
  [[nodiscard]] TomlValue read_list(std::size_t depth);
  [[nodiscard]] std::optional<std::string> read_string();
  [[nodiscard]] std::string read_quoted(std::string_view quote);
  void read_escape(std::string& into, bool may_break);
  [[nodiscard]] std::string read_bare();

  std::string_view text_;
  std::size_t at_ = 0;
  TomlPath table_;
  std::map<TomlPath, std::size_t> counts_;  // of the tables in arrays
  Toml found_;
};

void TomlReader::fail(const std::string& what) const {
  const auto end = text_.begin() + static_cast<std::ptrdiff_t>(std::min(at_, text_.size()));
  throw std::runtime_error("line " + std::to_string(1 + std::count(text_.begin(), end, '\n')) +
                           ": " + what);
}

bool TomlReader::skip(std::string_view token) {
  if (!at(token)) return false;
  at_ += token.size();
  return true;
}

void TomlReader::require(std::string_view token) {
  if (!skip(token)) fail("'" + std::string(token) + "' is missing");
}

void TomlReader::skip_blanks() {
  while (at(" ") || at("\t")) ++at_;
}

// Blanks, comments and ends of lines.
void TomlReader::skip_lines() {
  while (true) {
    skip_blanks();
    if (at("#")) at_ = std::min(text_.find('\n', at_), text_.size());
    if (!skip("\n") && !skip("\r\n")) return;
  }
}

void TomlReader::end_line() {
  skip_blanks();
  if (!is_over() && !at("#") && !at("\n") && !at("\r\n")) fail("something is behind the value");
}

Toml TomlReader::read() {
  (void)skip("\xef\xbb\xbf");  // a byte order mark
  for (skip_lines(); !is_over(); skip_lines()) {
    at("[") ? read_header() : read_pair(table_);
    end_line();
  }
  return std::move(found_);
}

// [table] or [[array of tables]]. A name below an array is of its last table.
void TomlReader::read_header() {
  const bool is_array = skip("[[");
  if (!is_array) require("[");
  const TomlPath names = read_key();
  require(is_array ? "]]" : "]");
  table_.clear();
  for (const auto& name : names) {
    table_.push_back(name);
    const bool is_last = &name == &names.back();
    const auto known = counts_.find(table_);
    if (is_last && is_array) {
      table_.push_back(std::to_string(counts_[table_]++));
    } else if (known != counts_.end()) {
      table_.push_back(std::to_string(known->second - 1));
    }
  }
  found_.try_emplace(table_);
}

void TomlReader::read_pair(const TomlPath& table) {
  TomlPath path = table;
  for (auto& name : read_key()) path.push_back(std::move(name));
  require("=");
  read_value(path, path.size());
}

TomlPath TomlReader::read_key() {
  TomlPath names;
  do {
    skip_blanks();
    if (at(R"(""")") || at("'''")) fail("a key is of one line");
    auto name = read_string();
    if (!name) {
      const auto begin = at_;
      while (!is_over() && is_bare(text_[at_])) ++at_;
      if (at_ == begin) fail("a key is missing");
      name = text_.substr(begin, at_ - begin);
    }
    names.push_back(*std::move(name));
    skip_blanks();
  } while (skip("."));
  return names;
}

void TomlReader::read_value(const TomlPath& path, std::size_t depth) {
  if (depth > kDeepest) fail("lists and tables are too deep in each other");
  skip_blanks();
  if (at("{")) {
    read_inline_table(path, depth);
  } else if (at("[")) {
    found_[path] = read_list(depth);
  } else {
    auto text = read_string();
    found_[path] = {.kind = TomlValue::Kind::kScalar, .texts = {text ? *text : read_bare()}};
  }
}

// On more lines than one, and with a comma at the end, as TOML 1.1 has it.
void TomlReader::read_inline_table(const TomlPath& path, std::size_t depth) {
  require("{");
  found_[path] = {};
  for (skip_lines(); !skip("}"); skip_lines()) {
    TomlPath member = path;
    for (auto& name : read_key()) member.push_back(std::move(name));
    require("=");
    read_value(member, depth + 1);
    skip_lines();
    if (!skip(",") && !at("}")) fail("',' or '}' is missing");
  }
}

TomlValue TomlReader::read_list(std::size_t depth) {
  if (depth > kDeepest) fail("lists and tables are too deep in each other");
  TomlValue list{.kind = TomlValue::Kind::kArray, .texts = {}};
  require("[");
  for (skip_lines(); !skip("]"); skip_lines()) {
    if (at("{")) {
      Toml outer = std::exchange(found_, {});
      read_inline_table({}, depth + 1);
      const auto append = found_.find({"append"});
      list.appends |= append != found_.end() && append->second.texts == TomlPath{"true"};
      found_ = std::move(outer);
    } else if (at("[")) {
      (void)read_list(depth + 1);
    } else {
      auto text = read_string();
      list.texts.push_back(text ? *std::move(text) : read_bare());
    }
    skip_lines();
    if (!skip(",") && !at("]")) fail("',' or ']' is missing");
  }
  return list;
}

std::optional<std::string> TomlReader::read_string() {
  for (const std::string_view quote : {R"(""")", "'''", "\"", "'"}) {
    if (skip(quote)) return read_quoted(quote);
  }
  return std::nullopt;
}

// What stands between the quotes, the first of which is read.
std::string TomlReader::read_quoted(std::string_view quote) {
  const bool is_long = quote.size() == 3;
  std::string content;
  if (is_long && !skip("\n")) (void)skip("\r\n");
  while (!at(quote)) {
    if (is_over() || (!is_long && at("\n"))) fail("the end of a string is missing");
    if (quote.front() == '"' && skip("\\")) {
      read_escape(content, is_long);
    } else {
      content += text_[at_++];
    }
  }
  at_ += quote.size();
  // Up to two quotes may stand before the three that are the end.
  for (int more = 0; is_long && more < 2 && skip(quote.substr(0, 1)); ++more)
    content += quote.front();
  return content;
}

void TomlReader::read_escape(std::string& into, bool may_break) {
  constexpr std::string_view kLetters = "btnfre\"\\";
  constexpr std::string_view kMeanings = "\b\t\n\f\r\x1b\"\\";
  if (is_over()) fail("the end of a string is missing");
  const char letter = text_[at_++];
  const auto known = kLetters.find(letter);
  if (known != std::string_view::npos) {
    into += kMeanings[known];
    return;
  }
  const std::size_t digits = letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
  const auto number = text_.substr(at_, digits);
  unsigned long code = 0;
  const auto* end = number.data() + number.size();
  if (digits != 0 && number.size() == digits &&
      std::from_chars(number.data(), end, code, 16).ptr == end && code <= 0x10ffff) {
    append_utf8(into, code);
    at_ += digits;
    return;
  }
  // A line's end behind a backslash is none, nor is what the next one begins with.
  const auto next = text_.find_first_not_of(" \t\r", at_ - 1);
  if (!may_break || next == std::string_view::npos || text_[next] != '\n')
    fail("an escape that there is not");
  at_ = std::min(text_.find_first_not_of(" \t\r\n", next), text_.size());
}

// A number, a truth, a date (with a blank in it, maybe): whatever ends before what ends values.
std::string TomlReader::read_bare() {
  const auto end = std::min(text_.find_first_of(",]}#\r\n", at_), text_.size());
  auto token = text_.substr(at_, end - at_);
  while (token.ends_with(' ') || token.ends_with('\t')) token.remove_suffix(1);
  if (token.empty() || token.find_first_of("\"'[{=") != std::string_view::npos)
    fail("a value is missing");
  at_ += token.size();
  return std::string(token);
}

}  // namespace

Toml parse_toml(std::string_view text) {
  return TomlReader(text).read();
}

const TomlValue* find_toml(const Toml& document, const TomlPath& path) {
  const auto at = document.find(path);
  return at == document.end() || at->second.kind == TomlValue::Kind::kTable ? nullptr : &at->second;
}

bool has_toml_table(const Toml& document, const TomlPath& path) {
  const auto at = document.lower_bound(path);
  return at != document.end() && at->first.size() >= path.size() &&
         std::equal(path.begin(), path.end(), at->first.begin());
}

}  // namespace tool
