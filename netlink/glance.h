#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/mac_address.h"
#include "netlink/socket.h"

/// What the kernel tells of links without the lock that all changes of links in all namespaces hold
/// (rtnl). An RTM_GETLINK takes it, and so waits for every link that others are having deleted,
/// each with a grace period of RCU.
namespace netlink {

/// False only where no link has that name, nor that alternative name. Who is told so needs no
/// find_link().
[[nodiscard]] bool may_have_link(const Socket& socket, std::string_view name);

struct Glance {
  std::string name;
  std::optional<base::MacAddress> mac;  // where it can be told
};

/// The link of that number; absent also where the kernel does not tell.
[[nodiscard]] std::optional<Glance> glance_at(const Socket& socket, int index);

}  // namespace netlink
