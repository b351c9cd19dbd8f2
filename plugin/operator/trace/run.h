#pragma once

#include "plugin/operator/trace/resolve.h"
#include "plugin/operator/trace/trace.h"
#include "plugin/operator/trace/world.h"

namespace tool::trace {

/// The packet's way, and that of its answer, as the kernel says; nothing is sent.
[[nodiscard]] Trace walk(World& world, const Question& question);

}  // namespace tool::trace
