#include "plugin/operations/shared/mtu.h"

#include <algorithm>
#include <array>

#include "netlink/link.h"
#include "netlink/route.h"
#include "netlink/vxlan.h"

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

unsigned lesser(unsigned one, unsigned other) {
  if (one == 0 || other == 0) return std::max(one, other);
  return std::min(one, other);
}

// What passes through a tunnel: what it says itself, and what the link that it sends by takes,
// which may be a tunnel, too (WireGuard).
unsigned mtu_of(netlink::Socket& host, const netlink::Vxlan& vxlan) {
  if (!vxlan.local) return vxlan.mtu;
  constexpr unsigned kHeaders4 = 50;  // bytes: Ethernet, VXLAN, UDP, IPv4
  constexpr unsigned kHeaders6 = 70;
  const unsigned headers = vxlan.local->is_v4() ? kHeaders4 : kHeaders6;
  const auto route = netlink::match_route(host, *vxlan.local);
  const auto below = route ? netlink::find_link(host, route->out_link) : std::nullopt;
  return below && below->mtu > headers ? lesser(vxlan.mtu, below->mtu - headers) : vxlan.mtu;
}

unsigned mtu_of_bridge(netlink::Socket& host, const std::string& name) {
  const auto bridge = netlink::find_link(host, name);
  unsigned least = 0;
  if (!bridge) return least;
  for (const auto& vxlan : netlink::vxlans_of(host, bridge->index))
    least = lesser(least, mtu_of(host, vxlan));
  return least;
}

}  // namespace

unsigned find_mtu(netlink::Socket& host, const config::Network& network) {
  if (!network.mtu_auto) return network.mtu;
  const unsigned ipv4 = least_mtu(host, kElsewhere4);
  const unsigned way_out = ipv4 != 0 ? ipv4 : least_mtu(host, kElsewhere6);
  if (network.mode != config::Mode::kBridge) return way_out;
  return lesser(way_out, mtu_of_bridge(host, network.bridge.name));
}

}  // namespace operations
