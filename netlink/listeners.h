#pragma once

#include <cstdint>
#include <vector>

#include "base/ip_address.h"
#include "netlink/netns.h"

/// Sockets that wait for packets from anybody, as ss(8) lists them (sock_diag(7)).
namespace netlink {

struct Listener {
  std::uint8_t protocol = 0;  // IPPROTO_TCP or IPPROTO_UDP
  base::IpAddress address;    // unspecified: any
  std::uint16_t port = 0;
  bool takes_both = false;  // of IPv6, and what comes by IPv4
  std::uint32_t inode = 0;  // by which a process has it
  std::uint32_t link = 0;   // index of the only interface that it hears; 0: of all
};

/// TCP sockets that listen and UDP sockets that are bound without a peer, of the calling thread's
/// namespace. Empty where the kernel has no sock_diag. Throws base::SystemError.
[[nodiscard]] std::vector<Listener> find_listeners();

}  // namespace netlink
