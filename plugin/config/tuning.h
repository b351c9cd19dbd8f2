#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugin/attachment/settings.h"
#include "plugin/cni/object.h"
#include "plugin/cni/request.h"

namespace config {

struct Tuning {
  std::map<std::string, std::string> sysctls{};  // by the path below /proc/sys
  attachment::LinkSettings link{};
  [[nodiscard]] bool empty() const { return sysctls.empty() && link == attachment::LinkSettings{}; }
};

/// The path below /proc/sys of a sysctl's key, as sysctl(8) reads it: separated by slashes, or by
/// dots, among which a slash stands for a dot. The first IFNAME in it is the interface's name, as
/// in the reference tuning. Absent for what does not lead below net/.
[[nodiscard]] std::optional<std::string> sysctl_path(std::string_view key, std::string_view ifname);

/// Which sysctls the node's administrator lets configurations set: one regular expression a line,
/// any of which must match some part of the key as it is written. POSIX extended ones, and of Go's
/// syntax besides \d and (?:...).
class AllowList {
 public:
  /// Where the reference tuning has it.
  static constexpr const char* kPath = "/etc/cni/tuning/allowlist.conf";

  explicit AllowList(std::string_view text);
  /// Throws cni::Error{kInvalidConfig} at a line that is no such expression.
  [[nodiscard]] bool allows(const std::string& key) const;

 private:
  std::vector<std::string> patterns_;
};

/// The keys of the reference tuning. Throws cni::Error{kInvalidConfig} or {kInvalidEnvironment},
/// and base::SystemError where the allow-list cannot be read.
[[nodiscard]] Tuning parse_tuning(const cni::Request& request);

/// Those of them that type patchcord has: all but mac and mtu, which its interface begins with.
/// Throws as parse_tuning.
[[nodiscard]] Tuning read_tuning(const cni::Request& request);

}  // namespace config
