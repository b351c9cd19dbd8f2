#include "netlink/address.h"

#include <cerrno>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/route/addr.h>

#include "netlink/libnl.h"
#include "netlink/link.h"

namespace netlink {
namespace {

using AddressObject = std::unique_ptr<rtnl_addr, libnl::Deleter<rtnl_addr_put>>;

AddressObject make_object(const Link& link, const base::IpPrefix& prefix) {
  AddressObject object(libnl::made(rtnl_addr_alloc()));
  rtnl_addr_set_ifindex(object.get(), link.index);
  libnl::check(rtnl_addr_set_local(object.get(), libnl::make_address(prefix).get()));
  return object;
}

// A /31 has two hosts and no broadcast address (RFC 3021).
bool has_broadcast(const base::IpPrefix& prefix) {
  return prefix.family() == base::Family::kIpv4 && prefix.length() < 31;
}

unsigned flags_of(const base::IpPrefix& prefix, const AddressOptions& options) {
  unsigned flags = 0;
  if (options.skip_dad && prefix.family() == base::Family::kIpv6) flags |= IFA_F_NODAD;
  if (options.no_prefix_route) flags |= IFA_F_NOPREFIXROUTE;
  return flags;
}

std::string describe(const Link& link, const base::IpPrefix& prefix) {
  return prefix.to_string() + " on " + link.name;
}

constexpr int kAnyLink = 0;

std::optional<InterfaceAddress> read_address(const nlmsghdr* message, int index) {
  if (message->nlmsg_type != RTM_NEWADDR) return std::nullopt;
  if (nlmsg_valid_hdr(message, static_cast<int>(sizeof(ifaddrmsg))) == 0) return std::nullopt;
  const auto* header = static_cast<const ifaddrmsg*>(nlmsg_data(message));
  // A kernel without strict checking (before 4.20) lists all links' addresses.
  const auto link = static_cast<int>(header->ifa_index);
  if (index != kAnyLink && link != index) return std::nullopt;
  const libnl::Attributes<IFA_MAX> attributes(message, sizeof *header);
  // IFA_ADDRESS is the peer's on a point-to-point link; IPv6 sends IFA_LOCAL only then.
  const int own = attributes[IFA_LOCAL] != nullptr ? IFA_LOCAL : IFA_ADDRESS;
  const auto address = libnl::read_ip_address(attributes.bytes(own));
  if (!address || header->ifa_prefixlen > address->bits()) return std::nullopt;
  return InterfaceAddress{
      .prefix = {*address, header->ifa_prefixlen},
      .scope = header->ifa_scope,
      .flags = attributes.number<std::uint32_t>(IFA_FLAGS).value_or(header->ifa_flags),
      .link = link};
}

// AF_UNSPEC asks every family that the kernel has: AF_INET6 would be refused where there is none.
Message make_list_request(int index) {
  ifaddrmsg header{};
  header.ifa_index = static_cast<unsigned>(index);
  return libnl::make_message(RTM_GETADDR, 0, header);
}

std::vector<InterfaceAddress> list_addresses(Socket& socket, nl_msg* request, int index,
                                             const What& what) {
  std::vector<InterfaceAddress> addresses;
  socket.dump(
      request,
      [&](const nlmsghdr* message) {
        if (auto address = read_address(message, index)) addresses.push_back(*address);
      },
      [&] { addresses.clear(); }, what);
  return addresses;
}

}  // namespace

bool InterfaceAddress::is_tentative() const noexcept {
  return (flags & IFA_F_TENTATIVE) != 0 && (flags & IFA_F_OPTIMISTIC) == 0;
}

bool InterfaceAddress::failed_dad() const noexcept {
  return (flags & IFA_F_DADFAILED) != 0;
}

bool add_address(Socket& socket, const Link& link, const base::IpPrefix& prefix,
                 const AddressOptions& options) {
  const AddressObject object = make_object(link, prefix);
  rtnl_addr_set_scope(object.get(), options.scope);
  rtnl_addr_set_flags(object.get(), flags_of(prefix, options));
  if (has_broadcast(prefix)) {
    const libnl::Address broadcast = libnl::make_address(prefix.last());
    libnl::check(rtnl_addr_set_broadcast(object.get(), broadcast.get()));
  }
  const Message request =
      libnl::build_request(rtnl_addr_build_add_request, object.get(), NLM_F_CREATE | NLM_F_EXCL);
  return socket.try_execute(request.get(), {"add address", describe(link, prefix)}, {EEXIST});
}

bool remove_address(Socket& socket, const Link& link, const base::IpPrefix& prefix) {
  const AddressObject object = make_object(link, prefix);
  const Message request = libnl::build_request(rtnl_addr_build_delete_request, object.get(), 0);
  // ENODEV: the link is gone; ENXIO: IPv6 is off on it.
  return socket.try_execute(request.get(), {"remove address", describe(link, prefix)},
                            {EADDRNOTAVAIL, ENODEV, ENXIO});
}

std::vector<InterfaceAddress> addresses_of(Socket& socket, const Link& link) {
  const Message request = make_list_request(link.index);
  return list_addresses(socket, request.get(), link.index, {"list addresses of", link.name});
}

std::vector<InterfaceAddress> all_addresses(Socket& socket) {
  const Message request = make_list_request(kAnyLink);
  return list_addresses(socket, request.get(), kAnyLink, {"list", "addresses"});
}

std::vector<InterfaceAddress> addresses_of_peer(Socket& socket, const Link& link) {
  if (link.peer <= 0) return {};
  const Message request = make_list_request(link.peer);
  if (link.peer_nsid) {
    libnl::put(request.get(), IFA_TARGET_NETNSID, static_cast<std::uint32_t>(*link.peer_nsid));
  }
  try {
    return list_addresses(socket, request.get(), link.peer,
                          {"list addresses of the peer of", link.name});
  } catch (const Error& error) {
    // ENODEV: the peer is gone; EINVAL: its namespace is (rtnl_get_net_ns_capable).
    if (error.code() == ENODEV || error.code() == EINVAL) return {};
    throw;
  }
}

bool says_ipv6_is_off(const Error& error) noexcept {
  return error.code() == EACCES || error.code() == EOPNOTSUPP || error.code() == EAFNOSUPPORT;
}

}  // namespace netlink
