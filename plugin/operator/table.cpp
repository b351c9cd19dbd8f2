#include "plugin/operator/table.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace tool {
namespace {

constexpr std::size_t kGap = 2;  // columns between two columns

bool begins_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
}

constexpr std::string_view kEnd = "\033[0m";
constexpr std::array<std::string_view, 4> kEscapes = {"\033[32m", "\033[31m", "\033[33m",
                                                      "\033[2m"};

std::string_view escape_of(Tone tone) {
  return tone == Tone::kPlain ? "" : kEscapes.at(static_cast<std::size_t>(tone) - 1);
}

// Of the escape of ours that the text begins with; 0 where it begins with none.
std::size_t length_of_paint(std::string_view text) {
  if (text.starts_with(kEnd)) return kEnd.size();
  const auto at = std::find_if(kEscapes.begin(), kEscapes.end(),
                               [&](std::string_view escape) { return text.starts_with(escape); });
  return at == kEscapes.end() ? 0 : at->size();
}

}  // namespace

std::string paint(const Console& console, std::string_view text, Tone tone) {
  const std::string_view escape = escape_of(tone);
  if (!console.colours || escape.empty()) return printable(text);
  return std::string(escape) + printable(text) + std::string(kEnd);
}

std::string shown(const Console& console, std::string_view all) {
  const std::string plain = console.ascii ? as_ascii(all) : std::string(all);
  std::string_view text = plain;
  if (!console.colours) return cni::printable_lines(text);
  std::string result;
  while (!text.empty()) {
    const std::size_t painted = length_of_paint(text);
    result += text.substr(0, painted);
    text.remove_prefix(painted);
    // Up to the next escape, and at least one character: what begins here is none of ours.
    const std::size_t end = std::min(text.find('\033', painted == 0 ? 1 : 0), text.size());
    result += cni::printable_lines(text.substr(0, end));
    text.remove_prefix(end);
  }
  return result;
}

std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

std::string cut(std::string_view text, std::size_t columns) {
  if (columns == 0 || columns_of(text) <= columns) return std::string(text);
  std::size_t left = columns;
  std::size_t end = 0;
  while (end < text.size() && (left > 1 || !begins_character(text[end]))) {
    if (begins_character(text[end])) --left;
    ++end;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::string wrap(std::string_view text, std::size_t indent, std::size_t width) {
  std::string result;
  std::size_t column = indent;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    const auto word = text.substr(0, end);
    if (column > indent && width != 0 && column + 1 + columns_of(word) > width) {
      result += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      result += ' ';
      ++column;
    }
    result += word;
    column += columns_of(word);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

std::string cut_front(std::string_view text, std::size_t columns) {
  const std::size_t all = columns_of(text);
  if (columns == 0 || all <= columns) return std::string(text);
  std::size_t begin = 0;
  for (std::size_t left = all - columns + 1; begin < text.size(); ++begin) {
    if (begins_character(text[begin]) && left-- == 0) break;
  }
  return "…" + std::string(text.substr(begin));
}

std::string as_ascii(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kAlike = {{{"✓", "+"},
                                                                                     {"✗", "x"},
                                                                                     {"→", "->"},
                                                                                     {"⇄", "<->"},
                                                                                     {"…", "~"},
                                                                                     {"│", "|"},
                                                                                     {"├", "|"},
                                                                                     {"└", "`"},
                                                                                     {"─", "-"},
                                                                                     {"µ", "u"}}};
  std::string result;
  while (!text.empty()) {
    std::size_t length = 1;
    while (length < text.size() && !begins_character(text[length])) ++length;
    const std::string_view letter = text.substr(0, length);
    const auto alike = std::find_if(kAlike.begin(), kAlike.end(),
                                    [&](const auto& each) { return each.first == letter; });
    result += alike != kAlike.end() ? alike->second : length == 1 ? letter : "?";
    text.remove_prefix(length);
  }
  return result;
}

void Table::add(std::vector<Cell> row) {
  for (Cell& cell : row) cell.text = printable(cell.text);
  rows_.push_back(std::move(row));
}

std::vector<std::size_t> Table::widths(std::size_t limit) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = columns_of(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, columns_of(row[i].text));
    widths.push_back(width);
  }
  if (limit == 0) return widths;
  const auto total = [&] {
    return std::accumulate(widths.begin(), widths.end(), kGap * (widths.size() - 1));
  };
  // The widest of those that may be cut gives, a column at a time, until it fits.
  while (total() > limit) {
    std::size_t widest = columns_.size();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].least == 0 || widths[i] <= columns_[i].least) continue;
      if (widest == columns_.size() || widths[i] > widths[widest]) widest = i;
    }
    if (widest == columns_.size()) break;
    --widths[widest];
  }
  return widths;
}

std::string Table::to_text(const Console& console, bool with_head) const {
  const auto wide = widths(console.width);
  std::string text;
  const auto append_row = [&](const auto& cell_at) {
    std::string line;
    std::size_t blanks = 0;  // owed before the next text, so that no line ends in them
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const Cell cell = cell_at(i);
      const std::string shown =
          columns_[i].keeps_end ? cut_front(cell.text, wide[i]) : cut(cell.text, wide[i]);
      if (!shown.empty()) {
        line.append(blanks, ' ');
        line += paint(console, shown, cell.tone);
        blanks = 0;
      }
      blanks += wide[i] - columns_of(shown) + kGap;
    }
    text += line + "\n";
  };
  if (with_head) append_row([&](std::size_t i) { return Cell{columns_[i].title, Tone::kFaint}; });
  for (const auto& row : rows_) append_row([&](std::size_t i) { return row[i]; });
  return text;
}

}  // namespace tool
