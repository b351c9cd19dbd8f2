#pragma once

#include <string>
#include <vector>

#include "plugin/cni/object.h"

namespace config {

/// A key that is in a configuration and that nobody has asked for.
struct UnreadKey {
  std::string path;     // "ipam.range-start"
  std::string nearest;  // that is asked for there; empty where none is like it
};

/// Those of a plugin's configuration, JSON, once its reader has done its work under `reading`.
/// Objects of which no key was asked are somebody else's or have keys of their own, like sysctl;
/// what begins with '_', '$' or '/' is a comment.
[[nodiscard]] std::vector<UnreadKey> find_unread_keys(const std::string& text,
                                                      const cni::Reading& reading);

}  // namespace config
