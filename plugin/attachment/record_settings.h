#pragma once

#include <nlohmann/json_fwd.hpp>

#include "plugin/attachment/settings.h"
#include "plugin/cni/object.h"

// How settings are written into records. Only for record.cpp.
namespace attachment {

[[nodiscard]] nlohmann::json write_tuning(const Tuning& tuning);
[[nodiscard]] Tuning read_tuning(const cni::Object& object);

[[nodiscard]] nlohmann::json write_shaping(const Shaping& shaping);
[[nodiscard]] Shaping read_shaping(const cni::Object& object);

}  // namespace attachment
