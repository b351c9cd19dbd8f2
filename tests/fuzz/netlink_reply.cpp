// What the kernel may answer: the input is what recvmsg(2) gives, as if from the kernel, to every
// look-up of ours. The sequence numbers are made right, so that the answers are taken for the
// request's.

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include <linux/netlink.h>
#include <sys/socket.h>

#include "base/ip_address.h"
#include "netlink/address.h"
#include "netlink/bridge.h"
#include "netlink/error.h"
#include "netlink/link.h"
#include "netlink/neighbour.h"
#include "netlink/route.h"

namespace {

const std::uint8_t* answer = nullptr;
std::size_t left = 0;
std::uint32_t sequence = 0;

// Each message of the part that is handed out gets the sequence number of the last request.
void number_messages(std::uint8_t* part, std::size_t size) {
  while (size >= sizeof(nlmsghdr)) {
    nlmsghdr header{};
    std::memcpy(&header, part, sizeof header);
    header.nlmsg_seq = sequence;
    std::memcpy(part, &header, sizeof header);
    const std::size_t step = NLMSG_ALIGN(static_cast<std::size_t>(header.nlmsg_len));
    if (step < sizeof header || step > size) return;
    part += step;
    size -= step;
  }
}

template <class Look>
void attempt(const std::uint8_t* data, std::size_t size, Look look) {
  answer = data;
  left = size;
  try {
    look();
  } catch (const netlink::Error&) {
    return;
  }
}

}  // namespace

extern "C" ssize_t __wrap_sendmsg(int /*fd*/, const msghdr* message, int /*flags*/) {
  nlmsghdr header{};
  std::memcpy(&header, message->msg_iov[0].iov_base, sizeof header);
  sequence = header.nlmsg_seq;
  ssize_t sent = 0;
  for (std::size_t i = 0; i < message->msg_iovlen; ++i)
    sent += static_cast<ssize_t>(message->msg_iov[i].iov_len);
  return sent;
}

extern "C" ssize_t __wrap_recvmsg(int /*fd*/, msghdr* message, int flags) {
  if (left == 0) {
    errno = EAGAIN;
    return -1;
  }
  iovec& room = message->msg_iov[0];
  const std::size_t size = std::min({left, room.iov_len, std::size_t{4096}});
  std::memcpy(room.iov_base, answer, size);
  number_messages(static_cast<std::uint8_t*>(room.iov_base), size);
  message->msg_flags = 0;
  if (message->msg_name != nullptr && message->msg_namelen >= sizeof(sockaddr_nl)) {
    const sockaddr_nl kernel{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
    std::memcpy(message->msg_name, &kernel, sizeof kernel);
  }
  if ((flags & MSG_PEEK) == 0) {
    answer += size;
    left -= size;
  }
  return static_cast<ssize_t>(size);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  netlink::Socket socket;
  const netlink::Link link{.index = 2, .name = "eth0"};
  const auto address = *base::IpAddress::parse("10.0.0.1");
  attempt(data, size, [&] { (void)netlink::find_link(socket, "eth0"); });
  attempt(data, size, [&] { (void)netlink::all_links(socket); });
  attempt(data, size, [&] { (void)netlink::ipv4_settings(socket, 2); });
  attempt(data, size, [&] { (void)netlink::addresses_of(socket, link); });
  attempt(data, size, [&] { (void)netlink::routes_through(socket, 2); });
  attempt(data, size, [&] { (void)netlink::match_route(socket, address); });
  attempt(data, size, [&] { (void)netlink::find_neighbour(socket, 2, address); });
  attempt(data, size, [&] { (void)netlink::vlans_of_port(socket, link); });
  attempt(data, size, [&] { (void)netlink::delete_link(socket, 2, "eth0"); });
  return 0;
}
