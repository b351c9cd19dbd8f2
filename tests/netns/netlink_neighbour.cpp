#include <cerrno>

#include <catch2_any.h>
#include <linux/neighbour.h>

#include "netlink/neighbour.h"
#include "netlink_fixture.h"

TEST_CASE("a permanent neighbour is made, replaced, found by its key, and removed once") {
  const auto next_hop = address(GENERATE("169.254.1.1", "fe80::1"));
  Pair pair;
  auto& socket = pair.pod.socket();
  const int link = pair.eth0.index;
  CHECK_FALSE(netlink::find_neighbour(socket, link, next_hop));
  netlink::set_permanent_neighbour(socket, link, next_hop, mac("0a:00:00:00:00:01"));
  netlink::set_permanent_neighbour(socket, link, next_hop, mac("0a:00:00:00:00:02"));
  const auto found = netlink::find_neighbour(socket, link, next_hop);
  REQUIRE(found);
  CHECK(found->link == link);
  CHECK(found->address == next_hop);
  CHECK(found->mac == mac("0a:00:00:00:00:02"));
  CHECK(found->state == NUD_PERMANENT);
  CHECK_FALSE(netlink::find_neighbour(socket, link, next_hop.next()));
  CHECK(netlink::remove_neighbour(socket, link, next_hop));
  CHECK_FALSE(netlink::remove_neighbour(socket, link, next_hop));
  CHECK_FALSE(netlink::find_neighbour(socket, link, next_hop));
}

TEST_CASE("the neighbours of one link are those of no other") {
  Pair pair;
  auto& socket = pair.pod.socket();
  netlink::set_permanent_neighbour(socket, pair.eth0.index, address("169.254.1.1"),
                                   mac("0a:00:00:00:00:01"));
  netlink::set_permanent_neighbour(socket, pair.eth0.index, address("fe80::1"),
                                   mac("0a:00:00:00:00:02"));
  const auto lo = netlink::find_link(socket, "lo");
  REQUIRE(lo);
  netlink::set_permanent_neighbour(socket, lo->index, address("10.0.0.1"),
                                   mac("0a:00:00:00:00:03"));
  auto found = netlink::neighbours_of(socket, pair.eth0.index);
  std::erase_if(found, [](const auto& each) { return each.state != NUD_PERMANENT; });
  REQUIRE(found.size() == 2);
  CHECK(found[0].mac != found[1].mac);
  for (const auto& each : found) CHECK(each.link == pair.eth0.index);
  CHECK(netlink::neighbours_of(socket, 4711).empty());
}

TEST_CASE("a link that is gone has no neighbours and takes none") {
  FakeHost host;
  const auto next_hop = address(GENERATE("169.254.1.1", "fe80::1"));
  CHECK_FALSE(netlink::find_neighbour(host.socket(), 4711, next_hop));
  CHECK_FALSE(netlink::remove_neighbour(host.socket(), 4711, next_hop));
  CHECK(error_of([&] {
          netlink::set_permanent_neighbour(host.socket(), 4711, next_hop, mac("0a:00:00:00:00:01"));
        }) == ENODEV);
}

TEST_CASE("where IPv6 is off, an IPv6 neighbour is refused with EINVAL") {
  Pair pair;
  pair.pod.set_sysctl("net/ipv6/conf/all/disable_ipv6", "1");
  CHECK(error_of([&] {
          netlink::set_permanent_neighbour(pair.pod.socket(), pair.eth0.index, address("fe80::1"),
                                           mac("0a:00:00:00:00:01"));
        }) == EINVAL);
}
