#pragma once

#include <vector>

#include "base/ip_prefix.h"
#include "netlink/socket.h"

/// The one route by which routing daemons learn of a block, and by which what is sent to an address
/// of it that no pod has ends here.
namespace lease {

/// False where it was there.
bool add_block_route(netlink::Socket& host, const base::IpPrefix& block);
/// False where it was not there.
bool remove_block_route(netlink::Socket& host, const base::IpPrefix& block);
/// The blocks that have one.
[[nodiscard]] std::vector<base::IpPrefix> find_block_routes(netlink::Socket& host);

}  // namespace lease
