#pragma once

#include <optional>
#include <vector>

#include "netlink/netns.h"
#include "netlink/socket.h"

/// The numbers by which one network namespace knows others (ip-netns(8), "nsid"). The kernel gives
/// one out when it tells of a link whose peer is there, and takes it back when that one is gone;
/// then it may be another one's.
namespace netlink {

struct Link;

/// Absent where the socket's namespace has no number for the other: then none of the links that it
/// was told of has its peer there.
[[nodiscard]] std::optional<int> find_nsid(Socket& socket, const Namespace& other);

/// Of all namespaces that the socket's own knows.
[[nodiscard]] std::vector<int> all_nsids(Socket& socket);

/// Whether `near`, as it was just looked up by `socket`, is one end of a veth pair whose other end
/// has this index in `there`. What anybody says inside of `there` plays no part in it.
[[nodiscard]] bool leads_to(Socket& socket, const Link& near, const Namespace& there, int index);

}  // namespace netlink
