#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "plugin/operator/trace/world.h"

namespace tool::trace {

/// What a namespace has counted since it is there, by name: "TcpExt IPReversePathFilter".
using Counts = std::map<std::string, std::uint64_t>;
/// Those of /proc/net/netstat, snmp and snmp6.
[[nodiscard]] Counts read_counts(const Ground& ground);

/// How much one of them has grown.
[[nodiscard]] std::uint64_t grown(const Counts& before, const Counts& after,
                                  const std::string& name);

}  // namespace tool::trace
