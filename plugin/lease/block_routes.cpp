#include "plugin/lease/block_routes.h"

#include "netlink/route.h"

namespace lease {
namespace {

constexpr std::uint8_t kUnreachable = 7;  // RTN_UNREACHABLE
// Behind all others: on a bridge the kernel has a route to the same subnet.
constexpr std::uint32_t kMetric = 4096;

netlink::Route route_of(const base::IpPrefix& block) {
  return {.destination = block,
          .priority = kMetric,
          .protocol = netlink::kProtocolOfBlocks,
          .type = kUnreachable};
}

}  // namespace

bool add_block_route(netlink::Socket& host, const base::IpPrefix& block) {
  return netlink::add_route(host, route_of(block));
}

bool remove_block_route(netlink::Socket& host, const base::IpPrefix& block) {
  return netlink::remove_route(host, route_of(block));
}

std::vector<base::IpPrefix> find_block_routes(netlink::Socket& host) {
  std::vector<base::IpPrefix> blocks;
  for (const auto& route : netlink::routes_of_protocol(host, netlink::kProtocolOfBlocks)) {
    if (route.type == kUnreachable && route.priority == kMetric)
      blocks.push_back(route.destination);
  }
  return blocks;
}

}  // namespace lease
