#pragma once

#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/mac_address.h"
#include "netlink/netns.h"

namespace netlink {

/// Tells the link's neighbours, once, which MAC these addresses are at: an ARP announcement (RFC
/// 5227 section 3) for IPv4, an unsolicited neighbour advertisement with the override flag (RFC
/// 4861 section 7.2.6) for IPv6. One packet socket in the container's namespace.
///
/// Throws base::SystemError: ENETDOWN where the link is down, ENXIO where it is gone. A frame that
/// gets lost, because the link is up but has no carrier, say, is no error.
void announce(const Namespace& target, const Namespace& home, int link, const base::MacAddress& mac,
              const std::vector<base::IpAddress>& addresses);

}  // namespace netlink
