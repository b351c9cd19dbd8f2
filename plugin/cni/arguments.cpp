// CNI_ARGS (request.h).
#include <algorithm>

#include "plugin/cni/error.h"
#include "plugin/cni/request.h"
#include "plugin/cni/text.h"

namespace cni {
namespace {

constexpr std::string_view kIgnoreUnknown = "IgnoreUnknown";
// What kubelet's runtimes always send: K8S_POD_NAME, K8S_POD_NAMESPACE and others.
constexpr std::string_view kKubernetesPrefix = "K8S_POD_";

[[noreturn]] void refuse(const std::string& problem) {
  throw Error(Code::kInvalidEnvironment, "CNI_ARGS: " + problem);
}

bool equal_in_any_case(std::string_view text, std::string_view lower_case) {
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) {
                      return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
                    });
}

bool read_flag(const std::string& text) {
  if (text == "1" || equal_in_any_case(text, "true")) return true;
  if (text == "0" || equal_in_any_case(text, "false")) return false;
  refuse(std::string(kIgnoreUnknown) + " is " + quote(text) + ", but must be 1, 0, true or false");
}

std::pair<std::string, std::string> split_pair(std::string_view pair) {
  const auto equals = pair.find('=');
  if (equals == std::string_view::npos || pair.find('=', equals + 1) != std::string_view::npos) {
    refuse(quote(pair) + " is not of the form KEY=VALUE");
  }
  return {std::string(pair.substr(0, equals)), std::string(pair.substr(equals + 1))};
}

}  // namespace

Arguments Arguments::parse(std::string_view text) {
  Arguments arguments;
  if (text.empty()) return arguments;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(';', begin), text.size());
    arguments.pairs_.push_back(split_pair(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return arguments;
}

std::optional<std::string> Arguments::get(std::string_view key) const {
  // The last one counts where a key is given twice, as in the reference.
  const auto found = std::find_if(pairs_.rbegin(), pairs_.rend(),
                                  [&](const auto& pair) { return pair.first == key; });
  if (found == pairs_.rend()) return std::nullopt;
  return found->second;
}

void Arguments::require_known(const std::vector<std::string_view>& known) const {
  const auto ignore = get(kIgnoreUnknown);
  if (ignore && read_flag(*ignore)) return;
  for (const auto& [key, value] : pairs_) {
    const bool is_known = key == kIgnoreUnknown || key.starts_with(kKubernetesPrefix) ||
                          std::find(known.begin(), known.end(), key) != known.end();
    if (!is_known) refuse("the key " + quote(key) + " is unknown (IgnoreUnknown=1 lets it pass)");
  }
}

}  // namespace cni
