#include "plugin/operator/arguments.h"

#include <algorithm>

#include "plugin/cni/nearest.h"

namespace tool {
namespace {

/// One word that begins with '-', taken apart.
struct Word {
  std::string shown;  // "--output" or "-o"
  const Option* option = nullptr;
  std::optional<std::string> value;  // what is attached to it
};

Word take_apart(std::string_view text, std::span<const Option> options) {
  Word word;
  const bool is_long = text.starts_with("--");
  const auto end = is_long ? std::min(text.find('='), text.size()) : std::size_t{2};
  word.shown = text.substr(0, end);
  const std::string_view name = text.substr(0, end).substr(is_long ? 2 : 1);
  for (const Option& option : options) {
    if (is_long ? option.name == name : option.letter == name.front()) word.option = &option;
  }
  if (end < text.size()) word.value = text.substr(end + (is_long ? 1 : 0));
  return word;
}

[[noreturn]] void refuse_unknown(const std::string& shown, std::span<const Option> options) {
  std::vector<std::string> names;
  for (const Option& option : options) names.push_back("--" + std::string(option.name));
  const std::string meant = cni::nearest(shown, names);
  throw Misuse("there is no option " + shown + (meant.empty() ? "" : "; is " + meant + " meant?"));
}

bool is_choice(std::string_view choices, std::string_view value) {
  while (!choices.empty()) {
    const auto end = std::min(choices.find('|'), choices.size());
    if (choices.substr(0, end) == value) return true;
    choices.remove_prefix(std::min(end + 1, choices.size()));
  }
  return false;
}

void require_choice(const Word& word, const std::string& value) {
  const std::string_view choices = word.option->choices;
  if (choices.empty() || is_choice(choices, value)) return;
  std::string list(choices);
  std::replace(list.begin(), list.end(), '|', ' ');
  throw Misuse(word.shown + ": \"" + value + "\" is none of: " + list);
}

}  // namespace

Arguments Arguments::parse(std::span<const char* const> words, std::span<const Option> options) {
  Arguments result;
  bool all_operands = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view text = words[i];
    if (all_operands || text.size() < 2 || text.front() != '-') {
      result.operands_.emplace_back(text);
      continue;
    }
    if (text == "--") {
      all_operands = true;
      continue;
    }
    Word word = take_apart(text, options);
    if (word.option == nullptr) refuse_unknown(word.shown, options);
    if (word.option->value.empty()) {
      if (word.value) throw Misuse(word.shown + " takes no value");
      word.value.emplace();
    } else if (!word.value) {
      if (++i == words.size())
        throw Misuse(word.shown + " lacks its value, " + std::string(word.option->value));
      word.value = words[i];
    }
    require_choice(word, *word.value);
    result.given_.emplace_back(word.option->name, std::move(*word.value));
  }
  return result;
}

bool Arguments::has(std::string_view name) const {
  return std::any_of(given_.begin(), given_.end(),
                     [&](const auto& given) { return given.first == name; });
}

std::vector<std::string> Arguments::values(std::string_view name) const {
  std::vector<std::string> all;
  for (const auto& given : given_) {
    if (given.first == name) all.push_back(given.second);
  }
  return all;
}

std::optional<std::string> Arguments::value(std::string_view name) const {
  const auto at = std::find_if(given_.rbegin(), given_.rend(),
                               [&](const auto& given) { return given.first == name; });
  return at == given_.rend() ? std::nullopt : std::optional(at->second);
}

}  // namespace tool
