#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "base/ip_address.h"

namespace netlink {

/// What the kernel remembers of a UDP flow: where its first packet was sent, and who answers.
/// Different where the destination was translated.
struct UdpFlow {
  base::IpAddress destination;
  std::uint16_t destination_port = 0;
  base::IpAddress responder;
  std::uint16_t responder_port = 0;
};

/// Makes the kernel forget the flows that were sent to one of these ports and that `concerns`
/// selects, in the calling thread's network namespace and conntrack's default zone. Returns how
/// many. The kernel picks by family, protocol and, for a few ports, by port (CTA_FILTER, Linux 5.8;
/// an older one sends all it has); what it sends is worked through as it comes, so memory stays
/// the same. Throws Error.
std::size_t forget_udp_flows(base::Family family, std::span<const std::uint16_t> ports,
                             const std::function<bool(const UdpFlow&)>& concerns);

}  // namespace netlink
