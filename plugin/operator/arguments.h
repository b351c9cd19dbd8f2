#pragma once

#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The words of a command line, as options and operands.
namespace tool {

struct Option {
  std::string_view name;       // "output" for --output
  char letter = 0;             // 'o' for -o as well; 0 for none
  std::string_view value{};    // what follows, for the help: "FORMAT"; empty for a flag
  std::string_view choices{};  // "table|wide|json"; empty for any value
  std::string_view meaning;
};

/// A command line that cannot be understood; the message says which word.
class Misuse : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Arguments {
 public:
  /// Options and operands in any order; `--name value`, `--name=value`, `-n value`, `-nvalue`;
  /// after
  /// "--" everything is an operand. Throws Misuse for an option that is not among `options`, or has
  /// a value that is not among its choices.
  static Arguments parse(std::span<const char* const> words, std::span<const Option> options);

  [[nodiscard]] bool has(std::string_view name) const;
  /// Of an option that was given several times the last value.
  [[nodiscard]] std::optional<std::string> value(std::string_view name) const;
  /// Of an option that may be given several times all of them, in their order.
  [[nodiscard]] std::vector<std::string> values(std::string_view name) const;
  [[nodiscard]] const std::vector<std::string>& operands() const noexcept { return operands_; }

 private:
  std::vector<std::pair<std::string_view, std::string>> given_;  // option's name and value
  std::vector<std::string> operands_;
};

}  // namespace tool
