#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

/// Reads TOML, in which container runtimes are configured, as far as it tells where something is.
namespace tool {

using TomlPath = std::vector<std::string>;

struct TomlValue {
  enum class Kind : unsigned char { kTable, kScalar, kArray };
  Kind kind = Kind::kTable;
  /// A string's content, a number's or a date's letters; of a list those of its members that are
  /// no list or table.
  std::vector<std::string> texts;
  bool appends = false;  // a list with {append = true} in it, as containers.conf has them
};

/// Every table that is named and every value, by its path. The tables of an array have the numbers
/// "0", "1", ... in their path.
using Toml = std::map<TomlPath, TomlValue>;

/// Throws std::runtime_error with the line.
[[nodiscard]] Toml parse_toml(std::string_view text);

/// Null where there is no list or text of that path.
[[nodiscard]] const TomlValue* find_toml(const Toml& document, const TomlPath& path);

/// Whether there is a table or anything in it.
[[nodiscard]] bool has_toml_table(const Toml& document, const TomlPath& path);

}  // namespace tool
