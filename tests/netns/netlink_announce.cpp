#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include <arpa/inet.h>
#include <catch2_any.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/error.h"
#include "netlink/announce.h"
#include "netlink/neighbour.h"
#include "netlink_fixture.h"

namespace {

using Frame = std::vector<std::uint8_t>;

/// What arrives at one link, from now on.
class Capture {
 public:
  explicit Capture(int link)
      : fd_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = link;
    REQUIRE(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }

  /// The next frame that comes from `source`.
  [[nodiscard]] Frame next_from(const base::MacAddress& source) const {
    for (;;) {
      pollfd entry = {.fd = fd_.get(), .events = POLLIN, .revents = 0};
      REQUIRE(::poll(&entry, 1, 10000) == 1);
      std::array<std::uint8_t, 256> buffer{};
      const ssize_t size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
      REQUIRE(size >= ETH_HLEN);
      if (!std::equal(source.bytes().begin(), source.bytes().end(), &buffer[ETH_ALEN])) continue;
      return {buffer.begin(), buffer.begin() + size};
    }
  }

 private:
  base::UniqueFd fd_;
};

/// Hears of changes of the neighbour tables in the thread's namespace.
class NeighbourListener {
 public:
  NeighbourListener() : fd_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) {
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = RTMGRP_NEIGH;
    REQUIRE(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  void wait() const {
    pollfd entry = {.fd = fd_.get(), .events = POLLIN, .revents = 0};
    REQUIRE(::poll(&entry, 1, 10000) == 1);
    std::array<char, 4096> buffer{};
    REQUIRE(::recv(fd_.get(), buffer.data(), buffer.size(), 0) > 0);
  }

 private:
  base::UniqueFd fd_;
};

}  // namespace

TEST_CASE("an IPv4 address is announced by an ARP request for itself") {
  Pair pair;
  pair.set_up();
  const Capture capture(pair.v0.index);
  const auto from = mac("0a:00:00:00:00:0b");
  netlink::announce(pair.pod.netns(), pair.host.netns(), pair.eth0.index, from,
                    {address("10.1.2.3")});
  CHECK(capture.next_from(from) ==
        Frame{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0a, 0, 0, 0, 0, 0x0b, 0x08, 0x06,  // Ethernet
              0,    1,    8,    0,    6,    4,    0,    1,                             // request
              0x0a, 0,    0,    0,    0,    0x0b, 10,   1, 2, 3,                       // sender
              0,    0,    0,    0,    0,    0,    10,   1, 2, 3});                     // target
}

TEST_CASE("an IPv6 address is announced by an unsolicited neighbour advertisement to all nodes") {
  Pair pair;
  pair.set_up();
  const Capture capture(pair.v0.index);
  const auto from = mac("0a:00:00:00:00:0b");
  netlink::announce(pair.pod.netns(), pair.host.netns(), pair.eth0.index, from,
                    {address("fd00::3")});
  const Frame frame = capture.next_from(from);
  REQUIRE(frame.size() == 14 + 40 + 32);
  CHECK(Frame(frame.begin(), frame.begin() + 6) == Frame{0x33, 0x33, 0, 0, 0, 1});
  CHECK(frame[14 + 7] == 255);        // hop limit
  CHECK(frame[14 + 40] == 136);       // neighbour advertisement
  CHECK(frame[14 + 40 + 4] == 0x20);  // override, not solicited, no router
  CHECK(frame[14 + 40 + 24] == 2);    // target link-layer address
  CHECK(frame.back() == 0x0b);
}

TEST_CASE("a neighbour that knows another MAC learns the new one at once") {
  const auto moved = address(GENERATE("10.1.2.3", "fd00::3"));
  Pair pair;
  pair.set_up();
  const bool v6 = moved.is_v6();
  pair.host.sh("ip addr add " + std::string(v6 ? "fd00::1/64 nodad" : "10.1.2.1/24") + " dev v0");
  pair.host.sh("ip neigh add " + moved.to_string() + " dev v0 lladdr 0a:00:00:00:00:0a nud stale");
  const NeighbourListener listener;
  const auto now = mac("0a:00:00:00:00:0b");
  netlink::announce(pair.pod.netns(), pair.host.netns(), pair.eth0.index, now, {moved});
  const auto known = [&] {
    return netlink::find_neighbour(pair.host.socket(), pair.v0.index, moved).value().mac;
  };
  while (known() != now) listener.wait();
  CHECK(known() == now);
}

TEST_CASE("all addresses are announced, in order") {
  Pair pair;
  pair.set_up();
  const Capture capture(pair.v0.index);
  const auto from = mac("0a:00:00:00:00:0b");
  netlink::announce(pair.pod.netns(), pair.host.netns(), pair.eth0.index, from,
                    {address("10.1.2.3"), address("10.1.2.4"), address("fd00::3")});
  CHECK(capture.next_from(from)[41] == 3);
  CHECK(capture.next_from(from)[41] == 4);
  CHECK(capture.next_from(from)[12] == 0x86);
}

TEST_CASE("an announcement on a link without a carrier is lost without a word") {
  Pair pair;
  netlink::change_link(pair.pod.socket(), pair.eth0, {.up = true});
  CHECK_NOTHROW(netlink::announce(pair.pod.netns(), pair.host.netns(), pair.eth0.index,
                                  mac("0a:00:00:00:00:0b"), {address("10.1.2.3")}));
}

TEST_CASE("an announcement on a link that is down or gone is an error") {
  Pair pair;
  const auto [link, code] =
      GENERATE_REF(table<int, int>({{pair.eth0.index, ENETDOWN}, {4711, ENXIO}}));
  try {
    netlink::announce(pair.pod.netns(), pair.host.netns(), link, mac("0a:00:00:00:00:0b"),
                      {address("10.1.2.3")});
    FAIL("nothing was thrown");
  } catch (const base::SystemError& error) {
    CHECK(error.code() == code);
  }
  CHECK_NOTHROW(
      netlink::announce(pair.pod.netns(), pair.host.netns(), link, mac("0a:00:00:00:00:0b"), {}));
}
