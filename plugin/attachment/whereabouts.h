#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "netlink/netns.h"
#include "plugin/attachment/attachment.h"

namespace attachment {

/// Finds containers that are there, but not at the path on record: the process that it named has
/// died while others of the pod live on, or who looks has other mounts than the runtime. What is
/// found is the one by its identity. Looks at the processes once, when it has to.
class Whereabouts {
 public:
  /// Absent where it cannot be seen from here, which proves nothing.
  [[nodiscard]] std::optional<netlink::Namespace> find(const Attachment& attachment);

 private:
  void look_at_processes();
  std::optional<std::vector<std::pair<std::uint64_t, std::string>>> paths_;  // by inode
};

}  // namespace attachment
