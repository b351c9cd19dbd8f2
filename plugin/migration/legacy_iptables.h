#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"

/// Rules of the legacy iptables, x_tables, which has no netlink: what a table has is asked of the
/// kernel, and only where it has a chain of that name its own programs are run to remove rules.
/// Throws cni::Error{kKernel} where they are missing or fail.
namespace migration {

/// Removes the chain of table nat, and the rules of `entry` that jump to it, but for those whose
/// source is another's address, which keep the chain; so does any other that names no source where
/// there are others. `find_others` is asked only if there is such a rule.
void remove_legacy_chain(const std::string& chain, const std::string& entry,
                         const std::function<std::vector<base::IpAddress>()>& find_others);

/// Removes the rules in the chain of table filter that accept what comes from, or goes to, one of
/// these addresses.
void remove_legacy_acceptance(const std::string& chain,
                              const std::vector<base::IpAddress>& addresses);

/// What iptables-restore is to do, from what iptables-save prints of one table: the rules that are
/// due are deleted, and the chain `emptied` with them, unless that is empty or a rule that is not
/// due leads there. Empty for nothing.
[[nodiscard]] std::string removal_script(std::string_view saved, std::string_view table,
                                         const std::function<bool(std::string_view rule)>& is_due,
                                         const std::string& emptied);

}  // namespace migration
