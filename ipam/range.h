#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_prefix.h"

namespace ipam {

/// A range as configured (cni-conventions "ipRanges"; the reference host-local's keys of these
/// names).
struct RangeSpec {
  base::IpPrefix subnet;
  std::optional<base::IpAddress> start;  // rangeStart
  std::optional<base::IpAddress> end;    // rangeEnd
  std::optional<base::IpAddress> gateway;
  /// No address is the subnet's own, its gateway's or for broadcasts: each is given, as where
  /// containers are routed to one by one.
  bool whole = false;
  std::string place{};  // in the configuration, for messages: "ipam.ranges[0][0]"
};

/// A range with its defaults filled in: start = subnet + 1, end = the last address (IPv4: the one
/// before the broadcast address), gateway = subnet + 1. A whole one has all addresses, and so have
/// those with two (RFC 3021) and with one.
struct Range {
  base::IpPrefix subnet;  // without host bits
  base::IpAddress first;
  base::IpAddress last;  // first <= last, both inside the subnet
  std::optional<base::IpAddress> gateway;
  /// The first search begins behind this one: of a whole range the addresses that others do not
  /// give come last.
  std::optional<base::IpAddress> begin_behind{};
  std::string place{};

  [[nodiscard]] bool contains(const base::IpAddress& address) const noexcept;
  /// "10.88.0.1-10.88.0.254"
  [[nodiscard]] std::string to_string() const;
};

/// One address is allocated from each set. All ranges of a set are of one family.
using RangeSet = std::vector<Range>;

/// Throws InvalidRange: host bits in the subnet, a limit outside the subnet, start after end, a
/// gateway of the other family.
[[nodiscard]] Range make_range(const RangeSpec& spec);

/// Validates a whole configuration: no empty set, one family a set, no overlap within or between
/// sets.
[[nodiscard]] std::vector<RangeSet> make_range_sets(
    const std::vector<std::vector<RangeSpec>>& specs);

/// How many addresses a set can hand out (its gateways apart); saturates at UINT64_MAX.
[[nodiscard]] std::uint64_t capacity(const RangeSet& set);

}  // namespace ipam
