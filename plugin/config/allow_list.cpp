// The administrator's list of sysctls that tuning may set.
#include <memory>

#include <regex.h>

#include "plugin/cni/error.h"
#include "plugin/config/tuning.h"

namespace config {
namespace {

struct RegexDeleter {
  void operator()(regex_t* compiled) const noexcept {
    ::regfree(compiled);
    delete compiled;
  }
};

// What administrators write for the reference, whose expressions are Go's, and POSIX has another
// form for.
std::string to_posix(std::string_view pattern) {
  std::string text;
  bool in_brackets = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const auto rest = pattern.substr(i);
    if (rest.starts_with("\\d")) {
      text += in_brackets ? "0-9" : "[0-9]";
      ++i;
    } else if (rest.starts_with('\\') && rest.size() > 1) {
      text += in_brackets ? rest.substr(1, 1) : rest.substr(0, 2);
      ++i;
    } else if (rest.starts_with("(?:") && !in_brackets) {
      text += '(';
      i += 2;
    } else {
      if (rest.front() == '[') in_brackets = true;
      if (rest.front() == ']') in_brackets = false;
      text += rest.front();
    }
  }
  return text;
}

bool matches(const std::string& pattern, const std::string& key) {
  auto storage = std::make_unique<regex_t>();
  // What stands behind a NUL would not count, and what is left of the pattern might allow more.
  if (pattern.find('\0') != std::string::npos ||
      ::regcomp(storage.get(), to_posix(pattern).c_str(), REG_EXTENDED | REG_NOSUB) != 0) {
    throw cni::Error(cni::Code::kInvalidConfig, std::string(AllowList::kPath) + ": \"" + pattern +
                                                    "\" is no regular expression");
  }
  const std::unique_ptr<regex_t, RegexDeleter> compiled(storage.release());
  return ::regexec(compiled.get(), key.c_str(), 0, nullptr, 0) == 0;
}

std::string_view trim(std::string_view line) {
  constexpr std::string_view kSpace = " \t\r\v\f";
  const auto begin = line.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(kSpace) - begin + 1);
}

}  // namespace

AllowList::AllowList(std::string_view text) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    if (const auto line = trim(text.substr(0, end)); !line.empty()) patterns_.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

bool AllowList::allows(const std::string& key) const {
  for (const std::string& pattern : patterns_) {
    if (matches(pattern, key)) return true;
  }
  return false;
}

}  // namespace config
