#pragma once

#include <string>

#include "plugin/operator/command.h"
#include "plugin/operator/trace/trace.h"

namespace tool::trace {

[[nodiscard]] std::string to_text(const Trace& trace, const Console& console);
/// docs/schemas/trace.json
[[nodiscard]] std::string to_json(const Trace& trace);

}  // namespace tool::trace
