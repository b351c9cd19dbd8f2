#pragma once

#include <string>
#include <vector>

#include "plugin/operator/trace/world.h"

namespace tool::trace {

/// A chain of iptables-legacy, which nftables neither shows nor traces.
struct LegacyChain {
  base::Family family = base::Family::kIpv4;
  std::string table;  // "filter"
  std::string chain;  // "FORWARD"
  bool has_rules = false;
  bool drops = false;  // its policy

  /// "iptables-legacy", "ip6tables-legacy"
  [[nodiscard]] std::string command() const;
  /// "iptables-legacy filter FORWARD"
  [[nodiscard]] std::string name() const { return command() + " " + table + " " + chain; }
};

/// Those that a packet of that family comes to at a hook (NF_INET_...). None where nobody has used
/// iptables-legacy in that namespace.
[[nodiscard]] std::vector<LegacyChain> legacy_chains(Ground& ground, base::Family family,
                                                     unsigned hook);

}  // namespace tool::trace
