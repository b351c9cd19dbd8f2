#include "netlink/glance.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace netlink {

// Binding a socket to a device looks for it by name (dev_get_by_name_rcu) and does no more, where
// SIOCGIFINDEX for a name that is not there would have the kernel run modprobe (dev_load).
bool may_have_link(const Socket& socket, std::string_view name) {
  if (name.size() >= IFNAMSIZ) return true;
  const int fd = socket.descriptor();
  const auto bind_to = [fd](std::string_view device) {
    const auto size = static_cast<socklen_t>(device.size());
    return ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device.data(), size) == 0;
  };
  if (bind_to(name)) {
    (void)bind_to("");  // netlink does not look at it, but it is not for that
    return true;
  }
  return errno != ENODEV;
}

std::optional<Glance> glance_at(const Socket& socket, int index) {
  ifreq request{};
  request.ifr_ifindex = index;
  if (index <= 0 || ::ioctl(socket.descriptor(), SIOCGIFNAME, &request) != 0) return std::nullopt;
  Glance seen{.name = request.ifr_name, .mac = {}};
  if (::ioctl(socket.descriptor(), SIOCGIFHWADDR, &request) == 0) {
    std::array<std::uint8_t, 6> bytes{};
    std::memcpy(bytes.data(), request.ifr_hwaddr.sa_data, bytes.size());
    seen.mac = base::MacAddress(bytes);
  }
  return seen;
}

}  // namespace netlink
