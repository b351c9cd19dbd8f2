#pragma once

#include <optional>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "plugin/cni/request.h"

namespace cni {

/// What a document, a GC's configuration for one, lists as valid (cni.dev/valid-attachments). null
/// is the empty list; absent where there is no list. Throws Error{kInvalidConfig} on an entry that
/// cannot be understood.
[[nodiscard]] std::optional<std::vector<ValidAttachment>> read_valid_attachments(
    const nlohmann::json& document);

}  // namespace cni
