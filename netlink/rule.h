#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "netlink/socket.h"

namespace netlink {

/// A routing rule that sends what has one source address to a table.
struct SourceRule {
  base::IpAddress source;
  std::uint32_t table = 0;
  std::uint32_t priority = 0;  // the least is asked first
};

/// "from 10.0.0.2 table 10003", for messages.
[[nodiscard]] std::string to_string(const SourceRule& rule);

/// False where there is the same one already. Throws Error{EOPNOTSUPP, EAFNOSUPPORT} on a kernel
/// without such rules.
bool add_rule(Socket& socket, const SourceRule& rule);
/// False where it was not there.
bool remove_rule(Socket& socket, const SourceRule& rule);
/// Removes all rules of one priority to a table, of both families.
void remove_rules_to(Socket& socket, std::uint32_t table, std::uint32_t priority);
/// All of the namespace. Not for the hot path.
[[nodiscard]] std::vector<SourceRule> source_rules(Socket& socket);

}  // namespace netlink
