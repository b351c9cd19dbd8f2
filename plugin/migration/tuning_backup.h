#pragma once

#include <string>
#include <string_view>

#include "plugin/attachment/settings.h"
#include "plugin/cni/request.h"

namespace migration {

/// The file that the reference tuning leaves for its DEL. As far as the configuration tells without
/// being valid.
[[nodiscard]] std::string backup_path(const cni::Request& request) noexcept;
/// What that file says the interface was before. Nothing where it cannot be read.
[[nodiscard]] attachment::LinkSettings parse_backup(std::string_view text) noexcept;

}  // namespace migration
