#include "netlink/announce.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <span>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/unique_fd.h"

namespace netlink {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::array<std::uint8_t, 6> kBroadcast = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
// ff02::1, all nodes of the link, and the MAC that it maps to (RFC 2464 section 7).
constexpr std::array<std::uint8_t, 16> kAllNodes = {0xff, 2, 0, 0, 0, 0, 0, 0,
                                                    0,    0, 0, 0, 0, 0, 0, 1};
constexpr std::array<std::uint8_t, 6> kAllNodesMac = {0x33, 0x33, 0, 0, 0, 1};

void append(Bytes& frame, std::span<const std::uint8_t> bytes) {
  frame.insert(frame.end(), bytes.begin(), bytes.end());
}

void append(Bytes& frame, std::initializer_list<std::uint8_t> bytes) {
  frame.insert(frame.end(), bytes);
}

Bytes make_ethernet_header(std::span<const std::uint8_t> to, const base::MacAddress& from,
                           unsigned type) {
  Bytes frame;
  append(frame, to);
  append(frame, from.bytes());
  append(frame, {static_cast<std::uint8_t>(type >> 8), static_cast<std::uint8_t>(type)});
  return frame;
}

Bytes make_arp_announcement(const base::MacAddress& mac, const base::IpAddress& address) {
  Bytes frame = make_ethernet_header(kBroadcast, mac, ETH_P_ARP);
  // Ethernet, IPv4, their address lengths, a request: the form that RFC 5227 section 3 prefers.
  append(frame, {0, 1, 8, 0, 6, 4, 0, 1});
  append(frame, mac.bytes());
  append(frame, address.bytes());
  append(frame, {0, 0, 0, 0, 0, 0});
  append(frame, address.bytes());
  return frame;
}

// RFC 1071, over the pseudo-header of RFC 8200 section 8.1 and the message.
std::uint16_t checksum_icmpv6(std::span<const std::uint8_t> source,
                              std::span<const std::uint8_t> destination,
                              std::span<const std::uint8_t> message) {
  std::uint32_t sum = static_cast<std::uint32_t>(message.size()) + IPPROTO_ICMPV6;
  for (const auto part : {source, destination, message}) {  // each of even length
    for (std::size_t i = 0; i + 1 < part.size(); i += 2) {
      sum += static_cast<std::uint32_t>(part[i] << 8 | part[i + 1]);
    }
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

Bytes make_advertisement_message(const base::MacAddress& mac, const base::IpAddress& address) {
  constexpr std::uint8_t kNeighbourAdvertisement = 136;
  constexpr std::uint8_t kOverride = 0x20;
  constexpr std::uint8_t kTargetLinkAddress = 2;
  Bytes message = {kNeighbourAdvertisement, 0, 0, 0, kOverride, 0, 0, 0};
  append(message, address.bytes());
  append(message, {kTargetLinkAddress, 1});
  append(message, mac.bytes());
  const std::uint16_t checksum = checksum_icmpv6(address.bytes(), kAllNodes, message);
  message[2] = static_cast<std::uint8_t>(checksum >> 8);
  message[3] = static_cast<std::uint8_t>(checksum);
  return message;
}

Bytes make_neighbour_advertisement(const base::MacAddress& mac, const base::IpAddress& address) {
  constexpr std::uint8_t kHopLimit = 255;  // RFC 4861 section 7.1.2: others are dropped
  const Bytes message = make_advertisement_message(mac, address);
  Bytes frame = make_ethernet_header(kAllNodesMac, mac, ETH_P_IPV6);
  append(frame,
         {0x60, 0, 0, 0, 0, static_cast<std::uint8_t>(message.size()), IPPROTO_ICMPV6, kHopLimit});
  append(frame, address.bytes());
  append(frame, kAllNodes);
  append(frame, message);
  return frame;
}

base::UniqueFd open_packet_socket(const Namespace& target, const Namespace& home) {
  const ScopedEntry inside(target, home);
  // Protocol 0: it only sends, and no frame is queued for it to read.
  base::UniqueFd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!fd) throw base::SystemError("open", "packet socket", errno);
  return fd;
}

void send(int fd, int link, const Bytes& frame) {
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = link;
  while (::sendto(fd, frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to),
                  sizeof to) < 0) {
    if (errno == EINTR) continue;
    // The far end drops what it gets before it is up; an announcement may get lost like any frame.
    if (errno == ENOBUFS) return;
    throw base::SystemError("announce addresses on", "link #" + std::to_string(link), errno);
  }
}

}  // namespace

void announce(const Namespace& target, const Namespace& home, int link, const base::MacAddress& mac,
              const std::vector<base::IpAddress>& addresses) {
  if (addresses.empty()) return;
  const base::UniqueFd fd = open_packet_socket(target, home);
  for (const base::IpAddress& address : addresses) {
    send(fd.get(), link,
         address.is_v4() ? make_arp_announcement(mac, address)
                         : make_neighbour_advertisement(mac, address));
  }
}

}  // namespace netlink
