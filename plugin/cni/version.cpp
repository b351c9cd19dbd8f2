#include "plugin/cni/version.h"

#include <algorithm>
#include <array>

namespace cni {
namespace {

constexpr std::array<std::string_view, 7> kTexts = {"0.1.0", "0.2.0", "0.3.0", "0.3.1",
                                                    "0.4.0", "1.0.0", "1.1.0"};
static_assert(kTexts.size() == static_cast<std::size_t>(kNewest) + 1);

std::string join_versions(Version oldest, std::string_view before, std::string_view after) {
  std::string text;
  for (auto i = static_cast<std::size_t>(oldest); i < kTexts.size(); ++i) {
    if (!text.empty()) text += ", ";
    text.append(before).append(kTexts.at(i)).append(after);
  }
  return text;
}

}  // namespace

std::optional<Version> parse_version(std::string_view text) {
  const auto* const found = std::find(kTexts.begin(), kTexts.end(), text);
  if (found == kTexts.end()) return std::nullopt;
  return static_cast<Version>(found - kTexts.begin());
}

std::string_view to_string(Version version) {
  return kTexts.at(static_cast<std::size_t>(version));
}

std::string supported_versions_text(Version oldest) {
  return join_versions(oldest, "", "");
}

std::string version_document(Version oldest) {
  return "{\n    \"cniVersion\": \"" + std::string(to_string(kNewest)) +
         "\",\n    \"supportedVersions\": [" + join_versions(oldest, "\"", "\"") + "]\n}";
}

}  // namespace cni
