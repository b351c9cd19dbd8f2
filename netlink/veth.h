#pragma once

#include <optional>
#include <string>

#include "base/mac_address.h"
#include "netlink/socket.h"

namespace netlink {

struct Link;

struct VethEnd {
  std::string name;
  std::optional<base::MacAddress> mac{};  // the kernel makes one up where absent
  unsigned group = 0;                     // IFLA_GROUP
};

/// A pair to create: the near end in the socket's namespace, the far end born in another.
struct VethSpec {
  VethEnd near;
  VethEnd far;
  int far_namespace = -1;  // descriptor of the far end's network namespace
  unsigned mtu = 0;        // bytes, for both ends; 0 leaves the kernel's default
  int master = 0;          // the near end's master, by index; 0 for none
};

/// One RTM_NEWLINK that carries both names, both MACs, the MTU, the master and the peer's namespace
/// (drivers/net/veth.c, veth_newlink): it makes all of it or nothing. Both ends are down
/// afterwards. Returns the near end, looked up in the same send; absent where somebody has removed
/// it already.
///
/// Throws Error, for the most part without a text of the kernel's (measured on Linux 6.18):
///   EEXIST         either name is taken
///   EXFULL         the bridge has all the ports it can take (1023)
///   EINVAL         the master is gone; the MTU is not within 68...65535; a name holds '/', ':' or
///                  white space; the descriptor is no network namespace
///   ERANGE         a name is longer than 15 bytes
///   EOPNOTSUPP     the master takes no ports
///   EADDRNOTAVAIL  a MAC is zero or multicast
std::optional<Link> create_veth(Socket& socket, const VethSpec& spec);

}  // namespace netlink
