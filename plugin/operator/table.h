#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "plugin/cni/text.h"
#include "plugin/operator/command.h"

namespace tool {

enum class Tone : unsigned char { kPlain, kGood, kBad, kWarning, kFaint };

// What others have called things may be anything, and is shown as `printable` has it.
using cni::printable;

/// The text, made printable, with the console's colours, where it has any.
[[nodiscard]] std::string paint(const Console& console, std::string_view text, Tone tone);

/// What of `text` a terminal may be given: lines of printable characters, and the escapes of
/// paint(). All that the tool says goes through here.
[[nodiscard]] std::string shown(const Console& console, std::string_view text);

/// How many columns UTF-8 text takes on a terminal, for text of single-width characters.
[[nodiscard]] std::size_t columns_of(std::string_view text);
/// At most so many columns, the last one an ellipsis where something is cut off.
[[nodiscard]] std::string cut(std::string_view text, std::size_t columns);
/// The same with the end left: of a pod's name it is what tells one from the other.
[[nodiscard]] std::string cut_front(std::string_view text, std::size_t columns);
/// Every character that is not ASCII replaced by one that is like it, or by '?'.
[[nodiscard]] std::string as_ascii(std::string_view text);

/// Lines of at most `width` columns, 0 for no limit, those behind the first indented; the first has
/// `indent` columns before it already.
[[nodiscard]] std::string wrap(std::string_view text, std::size_t indent, std::size_t width);

struct Cell {
  std::string text;
  Tone tone = Tone::kPlain;
};

struct Column {
  std::string title;
  std::size_t least = 0;   // columns that it may be cut to where space is short; 0: never cut
  bool keeps_end = false;  // it is its beginning that is cut off
};

/// Columns side by side, as wide as they have to be.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// Cells are made printable.
  void add(std::vector<Cell> row);
  [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
  /// Lines without trailing blanks, cut to the console's width as far as columns may be.
  [[nodiscard]] std::string to_text(const Console& console, bool with_head = true) const;

 private:
  [[nodiscard]] std::vector<std::size_t> widths(std::size_t limit) const;
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace tool
