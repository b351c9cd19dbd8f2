#include "plugin/operator/trace/messenger.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"

namespace tool::trace {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPatience(900);

struct Name {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Name name_of(const base::IpAddress& address, std::uint16_t port) {
  Name name;
  if (address.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, address.bytes().data(), sizeof v4.sin_addr);
    std::memcpy(&name.storage, &v4, sizeof v4);
    name.size = sizeof v4;
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&v6.sin6_addr, address.bytes().data(), sizeof v6.sin6_addr);
    std::memcpy(&name.storage, &v6, sizeof v6);
    name.size = sizeof v6;
  }
  return name;
}

bool is_icmp(const Packet& packet) {
  return packet.protocol == IPPROTO_ICMP || packet.protocol == IPPROTO_ICMPV6;
}

base::UniqueFd open_socket(const Ground& ground, const Packet& packet) {
  const bool v4 = packet.family() == base::Family::kIpv4;
  int type = SOCK_RAW;
  if (packet.protocol == IPPROTO_TCP) type = SOCK_STREAM;
  if (packet.protocol == IPPROTO_UDP) type = SOCK_DGRAM;
  const netlink::ScopedEntry inside(ground.space(), ground.home());
  base::UniqueFd fd(
      ::socket(v4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, packet.protocol));
  if (!fd) throw base::SystemError("open", "a socket of " + ground.title(), errno);
  const int on = 1;
  // So that a raw socket and one of UDP are told of errors, too.
  (void)::setsockopt(fd.get(), v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_RECVERR : IPV6_RECVERR, &on,
                     sizeof on);
  return fd;
}

std::uint16_t port_of(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  (void)::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size);
  // Both families have the port at the same place.
  sockaddr_in name{};
  std::memcpy(&name, &storage, sizeof name);
  return ntohs(name.sin_port);
}

bool wait(int fd, short events, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd entry = {.fd = fd, .events = events, .revents = 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

// What the sender's own rules dropped he is told of as not permitted, where he is told.
Echo echo_of(int error) {
  if (error == 0) return {.kind = Echo::Kind::kAnswered};
  return {.kind = error == EPERM ? Echo::Kind::kSilent : Echo::Kind::kRefused, .error = error};
}

int pending_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  (void)::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

std::uint16_t checksum(std::span<const std::uint8_t> bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2)
    sum += static_cast<std::uint32_t>(bytes[i] << 8U) | bytes[i + 1];
  while (sum > 0xffff) sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum);
}

// An echo request is laid out alike in both families, and IPv6's checksum is the kernel's affair.
std::vector<std::uint8_t> payload_of(const Packet& packet, std::uint16_t identifier) {
  if (!is_icmp(packet)) return {0};
  const bool v4 = packet.protocol == IPPROTO_ICMP;
  std::vector<std::uint8_t> bytes(8);
  bytes[0] = v4 ? std::uint8_t{ICMP_ECHO} : std::uint8_t{ICMP6_ECHO_REQUEST};
  bytes[4] = static_cast<std::uint8_t>(identifier >> 8U);
  bytes[5] = static_cast<std::uint8_t>(identifier & 0xffU);
  bytes[7] = 1;
  const std::uint16_t sum = v4 ? checksum(bytes) : std::uint16_t{0};
  bytes[2] = static_cast<std::uint8_t>(sum >> 8U);
  bytes[3] = static_cast<std::uint8_t>(sum & 0xffU);
  return bytes;
}

}  // namespace

Messenger::Messenger(const Ground& ground, const Packet& packet)
    : packet_(packet), fd_(open_socket(ground, packet)) {
  const Name own = name_of(packet.source, is_icmp(packet) ? std::uint16_t{0} : packet.source_port);
  if (::bind(fd_.get(), own.get(), own.size) != 0)
    throw base::SystemError("send from", packet.source.to_string() + " in " + ground.title(),
                            errno);
  constexpr unsigned kIdentifiers = 0x7fff;
  port_ = is_icmp(packet)
              ? static_cast<std::uint16_t>(1 + static_cast<unsigned>(::getpid()) % kIdentifiers)
              : port_of(fd_.get());
}

Echo Messenger::send() {
  const Name peer =
      name_of(packet_.destination, is_icmp(packet_) ? std::uint16_t{0} : packet_.destination_port);
  const auto deadline = Clock::now() + kPatience;
  if (::connect(fd_.get(), peer.get(), peer.size) != 0 && errno != EINPROGRESS)
    return echo_of(errno);
  if (packet_.protocol != IPPROTO_TCP) return send_datagram();
  if (!wait(fd_.get(), POLLOUT, deadline)) return {};
  // Ends it by a reset, which nobody has to wait for.
  const linger now = {.l_onoff = 1, .l_linger = 0};
  (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  return echo_of(pending_error(fd_.get()));
}

Echo Messenger::send_datagram() {
  const auto payload = payload_of(packet_, port_);
  const auto deadline = Clock::now() + kPatience;
  if (::send(fd_.get(), payload.data(), payload.size(), 0) < 0) return echo_of(errno);
  while (wait(fd_.get(), POLLIN, deadline)) {
    if (const int error = pending_error(fd_.get())) return echo_of(error);
    if (is_answer()) return echo_of(0);
  }
  return {};
}

// A raw socket hears of the echoes of others, too.
bool Messenger::is_answer() const {
  std::array<std::uint8_t, 2048> buffer{};
  const auto size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
  if (size < 0) return false;
  if (!is_icmp(packet_)) return true;
  const bool v4 = packet_.protocol == IPPROTO_ICMP;
  const std::size_t start = v4 ? (buffer[0] & 0x0fU) * 4U : 0;
  constexpr std::size_t kHeader = 8;
  if (static_cast<std::size_t>(size) < start + kHeader) return false;
  const std::uint8_t type = v4 ? std::uint8_t{ICMP_ECHOREPLY} : std::uint8_t{ICMP6_ECHO_REPLY};
  const unsigned identifier = (unsigned{buffer[start + 4]} << 8U) | buffer[start + 5];
  return buffer[start] == type && identifier == port_;
}

}  // namespace tool::trace
