#pragma once

#include <map>

#include "plugin/operator/trace/resolve.h"
#include "plugin/operator/trace/trace.h"
#include "plugin/operator/trace/world.h"

namespace tool::trace {

/// A walk and where it led.
struct Walked {
  Trace trace;
  std::map<Ground*, std::vector<Packet>> seen{};  // as they come into each namespace
  Ground* target = nullptr;                       // where it was delivered; null: nowhere
  Stop behind{.verdict = Verdict::kPasses};       // what it comes to if others let it pass
};

/// The packet's way, and that of its answer, as the kernel says; nothing is sent.
[[nodiscard]] Walked walk(World& world, const Question& question);

/// The same, and then a real one is sent, and the verdict is what became of that. Throws Misuse
/// where its sender is none that can be made to.
[[nodiscard]] Trace probe(World& world, Question question);

}  // namespace tool::trace
