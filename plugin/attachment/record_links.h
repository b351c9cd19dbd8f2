#pragma once

#include <nlohmann/json_fwd.hpp>

#include "plugin/attachment/attachment.h"
#include "plugin/cni/object.h"

// How what an attachment has of links is written into records. Only for record.cpp.
namespace attachment {

[[nodiscard]] nlohmann::json write_pair(const Pair& pair);
[[nodiscard]] Pair read_pair(const cni::Object& object);

[[nodiscard]] nlohmann::json write_wire(const Wire& wire);
[[nodiscard]] Wire read_wire(const cni::Object& object);

[[nodiscard]] nlohmann::json write_bridge_port(const BridgePort& port);
[[nodiscard]] BridgePort read_bridge_port(const cni::Object& object);

}  // namespace attachment
