#include "netlink/listeners.h"

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "netlink/libnl.h"
#include "netlink/socket.h"

namespace netlink {
namespace {

constexpr std::uint8_t kTcp = IPPROTO_TCP;
constexpr std::uint8_t kUdp = IPPROTO_UDP;
constexpr std::uint8_t kIpv4 = AF_INET;
constexpr std::uint8_t kIpv6 = AF_INET6;

base::IpAddress address_of(const inet_diag_msg& message) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(message.id.idiag_src);
  const std::size_t size = message.idiag_family == kIpv4 ? 4 : 16;
  return *libnl::read_ip_address({bytes, size});
}

void read(const nlmsghdr* message, std::uint8_t protocol, std::vector<Listener>& found) {
  if (nlmsg_valid_hdr(message, static_cast<int>(sizeof(inet_diag_msg))) == 0) return;
  const auto& socket = *static_cast<const inet_diag_msg*>(nlmsg_data(message));
  const libnl::Attributes<INET_DIAG_MAX> attributes(message, sizeof socket);
  const bool only_ipv6 = attributes.number<std::uint8_t>(INET_DIAG_SKV6ONLY).value_or(0) != 0;
  found.push_back({.protocol = protocol,
                   .address = address_of(socket),
                   .port = ntohs(socket.id.idiag_sport),
                   .takes_both = socket.idiag_family == kIpv6 && !only_ipv6,
                   .inode = socket.idiag_inode,
                   .link = socket.id.idiag_if});
}

// A UDP socket without a peer has the state of a closed TCP socket.
void list(Socket& socket, std::uint8_t family, std::uint8_t protocol,
          std::vector<Listener>& found) {
  constexpr unsigned kListening = 1U << TCP_LISTEN;
  constexpr unsigned kUnconnected = 1U << TCP_CLOSE;
  inet_diag_req_v2 header{};
  header.sdiag_family = family;
  header.sdiag_protocol = protocol;
  header.idiag_states = protocol == kTcp ? kListening : kUnconnected;
  const Message request = libnl::make_message(SOCK_DIAG_BY_FAMILY, 0, header);
  const std::size_t before = found.size();
  socket.dump(
      request.get(), [&](const nlmsghdr* message) { read(message, protocol, found); },
      [&] { found.resize(before); }, {"list", "sockets that listen"});
}

}  // namespace

std::vector<Listener> find_listeners() {
  std::vector<Listener> found;
  try {
    Socket socket(Protocol::kSockets);
    for (const auto protocol : {kTcp, kUdp}) {
      for (const auto family : {kIpv4, kIpv6}) list(socket, family, protocol, found);
    }
  } catch (const Error&) {
    // No sock_diag, or none of that family: what is there has been found.
  }
  return found;
}

}  // namespace netlink
