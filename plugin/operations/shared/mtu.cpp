#include "plugin/operations/shared/mtu.h"

#include <algorithm>
#include <array>

#include "netlink/link.h"
#include "netlink/route.h"

namespace operations {
namespace {

// One of each half, as a default route may be two of half its length (OpenVPN's 0/1 and 128/1).
// They are on the internet and nobody is asked anything: only the kernel, which way it is.
constexpr std::array<std::string_view, 2> kElsewhere4 = {"1.1.1.1", "193.0.6.139"};
constexpr std::array<std::string_view, 2> kElsewhere6 = {"2001:4860:4860::8888", "8000::1"};

unsigned mtu_of(netlink::Socket& host, const netlink::Route& route) {
  const auto link = netlink::find_link(host, route.out_link);
  if (!link) return 0;
  return route.mtu != 0 ? std::min(route.mtu, link->mtu) : link->mtu;
}

// The least of all ways that packets may go.
unsigned least_mtu(netlink::Socket& host, std::span<const std::string_view> destinations) {
  unsigned least = 0;
  for (const auto destination : destinations) {
    for (const auto& route : netlink::match_routes(host, *base::IpAddress::parse(destination))) {
      const unsigned mtu = mtu_of(host, route);
      if (mtu != 0 && (least == 0 || mtu < least)) least = mtu;
    }
  }
  return least;
}

}  // namespace

unsigned find_mtu(netlink::Socket& host, const config::Network& network) {
  if (!network.mtu_auto) return network.mtu;
  const unsigned ipv4 = least_mtu(host, kElsewhere4);
  return ipv4 != 0 ? ipv4 : least_mtu(host, kElsewhere6);
}

}  // namespace operations
