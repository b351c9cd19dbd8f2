#pragma once

#include <string>

#include "plugin/operator/trace/trace.h"
#include "plugin/operator/trace/walk.h"
#include "plugin/operator/trace/world.h"

/// Who is meant by FROM and TO.
namespace tool::trace {

/// As the command line has them.
struct Wish {
  std::string from;
  std::string to;             // may have a port behind it
  std::uint8_t protocol = 0;  // IPPROTO_...; 0: not said
  std::uint16_t port = 0;     // 0: not said
  std::uint16_t from_port = 0;
};

struct Question {
  std::string from;  // titles
  std::string to;
  Place start;
};

/// Throws Misuse for what is nobody's name, or several containers', or lacks its port.
[[nodiscard]] Question resolve(World& world, const Wish& wish);

}  // namespace tool::trace
