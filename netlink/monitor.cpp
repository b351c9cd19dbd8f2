#include "netlink/monitor.h"

#include <array>
#include <cerrno>

#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/error.h"

namespace netlink {
namespace {

using Clock = std::chrono::steady_clock;

base::UniqueFd open_listener() {
  base::UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!fd) throw base::SystemError("open", "netlink socket", errno);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw base::SystemError("listen on", "netlink socket", errno);
  }
  return fd;
}

base::UniqueFd open_listener_in(const Namespace& target, const Namespace& home) {
  const ScopedEntry inside(target, home);
  return open_listener();
}

// False where nothing came until `deadline`.
bool wait_for_notification(int fd, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return false;
    pollfd entry = {.fd = fd, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(left.count()));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) throw base::SystemError("wait for", "notification", errno);
  }
}

// What the notifications say does not matter, since the caller looks for itself: a part of each is
// read, and one look answers all that are there.
void drain(int fd) {
  std::array<char, 64> start;
  for (;;) {
    if (::recv(fd, start.data(), start.size(), 0) >= 0) continue;
    if (errno == EAGAIN) return;
    if (errno == EINTR || errno == ENOBUFS) continue;  // ENOBUFS: some were lost
    throw base::SystemError("read", "notification", errno);
  }
}

}  // namespace

Monitor::Monitor(const Namespace& target, const Namespace& home)
    : fd_(open_listener_in(target, home)) {}

bool Monitor::wait_until(const std::function<bool()>& reached, std::chrono::milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  while (!reached()) {
    if (!wait_for_notification(fd_.get(), deadline)) return false;
    drain(fd_.get());
  }
  return true;
}

}  // namespace netlink
