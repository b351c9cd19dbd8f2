#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ip_prefix.h"
#include "netlink/socket.h"

namespace netlink {

struct Link;

struct InterfaceAddress {
  base::IpPrefix prefix;                             // host bits are the address
  std::uint8_t scope = 0;                            // RT_SCOPE_*
  std::uint32_t flags = 0;                           // IFA_F_*
  int link = 0;                                      // index
  [[nodiscard]] bool is_tentative() const noexcept;  // IFA_F_TENTATIVE, less IFA_F_OPTIMISTIC
  [[nodiscard]] bool failed_dad() const noexcept;    // IFA_F_DADFAILED
};

struct AddressOptions {
  /// IFA_F_NODAD: an IPv6 address that is usable at once. Without meaning for IPv4.
  bool skip_dad = true;
  /// IFA_F_NOPREFIXROUTE: no subnet route is made.
  bool no_prefix_route = false;
  std::uint8_t scope = 0;  // RT_SCOPE_*
};

/// False where the link has that address already: for IPv4 with the same prefix length, for IPv6
/// with any. An IPv4 prefix shorter than /31 gets its broadcast address. Throws Error: EACCES where
/// IPv6 is off on the link, ENODEV where the link is gone.
bool add_address(Socket& socket, const Link& link, const base::IpPrefix& prefix,
                 const AddressOptions& options);
/// Whether an IPv6 address was refused because IPv6 is off, on the link or on the host.
[[nodiscard]] bool says_ipv6_is_off(const Error& error) noexcept;
/// False where it was not there, or the link is gone. Without net.ipv4.conf.*.promote_secondaries
/// the kernel removes with the first IPv4 address of a subnet the others of that subnet.
bool remove_address(Socket& socket, const Link& link, const base::IpPrefix& prefix);

/// The addresses of one link, of both families. The kernel filters (NETLINK_GET_STRICT_CHK), so the
/// cost does not depend on other links. Throws Error{ENODEV} where the link is gone.
[[nodiscard]] std::vector<InterfaceAddress> addresses_of(Socket& socket, const Link& link);

/// The addresses of all links, of both families. Not for the hot path.
[[nodiscard]] std::vector<InterfaceAddress> all_addresses(Socket& socket);

/// The addresses of the other end of a veth pair, in whatever namespace that is
/// (IFA_TARGET_NETNSID, Linux 4.20), of both families. Empty where that namespace is gone.
[[nodiscard]] std::vector<InterfaceAddress> addresses_of_peer(Socket& socket, const Link& link);

}  // namespace netlink
