#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_prefix.h"

namespace cni {

/// What a packet to a host port must be like to be led on: its source, its destination or the
/// interface that it comes in by is one of these, or none of these.
struct PortCondition {
  enum class Of : std::uint8_t { kSource, kDestination, kInterface };
  Of of = Of::kDestination;
  bool none = false;
  std::vector<base::IpPrefix> prefixes{};  // of the two addresses
  std::vector<std::string> interfaces{};   // with a '*' at the end: all that begin so
  friend bool operator==(const PortCondition&, const PortCondition&) = default;
};

/// In nft's words: "ip daddr != { 10.0.0.0/8, 192.168.0.0/16 }", "iifname eth0".
[[nodiscard]] std::string to_string(const PortCondition& condition);

/// The words of portmap's conditionsV4 or conditionsV6, for iptables (`! -d 10.0.0.0/8 -i eth0`) or
/// for nft (as to_string() has it), all of which must hold. What is true of all packets to host
/// ports anyway, that they are for the host itself, is none. Absent for what is neither.
[[nodiscard]] std::optional<std::vector<PortCondition>> parse_port_conditions(
    const std::vector<std::string>& words, base::Family family);

}  // namespace cni
