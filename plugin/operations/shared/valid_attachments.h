#pragma once

#include <optional>
#include <set>
#include <string>

#include "plugin/attachment/attachment.h"
#include "plugin/cni/request.h"
#include "plugin/operations/settings.h"

namespace operations {

/// What the runtime says is alive.
struct ValidAttachments {
  std::set<attachment::Key> attachments;
  std::set<std::string> containers;
  std::set<std::string> aliases;
};

/// Absent without a list, which is said: then nothing may be removed.
[[nodiscard]] std::optional<ValidAttachments> read_valid_attachments(const cni::Request& request,
                                                                     const Settings& settings);

/// The DEL that never came, for an attachment that GC found. Its namespace may be another's by now.
[[nodiscard]] cni::Request as_del(const cni::Request& request, const attachment::Key& key);

}  // namespace operations
