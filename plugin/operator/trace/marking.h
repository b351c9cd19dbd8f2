#pragma once

namespace tool::trace {

/// The table, in inet and in bridge, by whose rules the kernel tells of one packet. It is there for
/// as long as a probe takes.
inline constexpr const char* kMarkingTable = "patchcord-trace";

}  // namespace tool::trace
