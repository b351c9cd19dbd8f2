#include "plugin/config/unread_keys.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "plugin/cni/nearest.h"
#include "plugin/cni/text.h"

namespace config {
namespace {

using nlohmann::json;

// What libcni itself reads or makes, and what the specification leaves to everybody.
bool is_common(const std::string& key) {
  for (const auto* each :
       {"cniVersion", "cniVersions", "name", "type", "capabilities", "args", "dns", "runtimeConfig",
        "prevResult", "disableCheck", "disableGC", "loadOnlyInlinedPlugins"}) {
    if (key == each) return true;
  }
  return key.starts_with("cni.dev/") || key.find_first_of("_$/") == 0;
}

class Walk {
 public:
  Walk(const cni::Reading& reading, std::vector<UnreadKey>& found)
      : reading_(reading), found_(found) {}

  void visit(const json& value, const std::string& path) {
    if (value.is_array()) {
      for (std::size_t i = 0; i < value.size(); ++i)
        visit(value[i], path + '[' + std::to_string(i) + ']');
    }
    if (!value.is_object()) return;
    const auto asked = reading_.asked().find(path);
    if (asked == reading_.asked().end()) return;
    for (const auto& [key, member] : value.items()) {
      const std::string below = path.empty() ? key : std::string(path).append(".").append(key);
      const bool is_read = std::any_of(
          asked->second.begin(), asked->second.end(),
          [&key = key](const std::string& each) { return cni::equal_in_any_case(each, key); });
      if (is_read) {
        visit(member, below);
      } else if (!path.empty() || !is_common(key)) {
        found_.push_back({.path = below, .nearest = nearest_to(key, asked->second)});
      }
    }
  }

 private:
  // One of the same object, or of another: it may be the place that is wrong, too.
  [[nodiscard]] std::string nearest_to(const std::string& key,
                                       const std::set<std::string>& here) const {
    if (auto found = cni::nearest(key, {here.begin(), here.end()}); !found.empty()) return found;
    std::vector<std::string> all;
    for (const auto& object : reading_.asked())
      all.insert(all.end(), object.second.begin(), object.second.end());
    return cni::nearest(key, all);
  }

  const cni::Reading& reading_;
  std::vector<UnreadKey>& found_;
};

}  // namespace

std::vector<UnreadKey> find_unread_keys(const std::string& text, const cni::Reading& reading) {
  std::vector<UnreadKey> found;
  Walk(reading, found).visit(cni::parse_object(text, "the plugin's configuration"), "");
  return found;
}

}  // namespace config
