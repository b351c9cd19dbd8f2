#include <catch2_any.h>

#include "netlink/address.h"
#include "netlink/monitor.h"
#include "netlink_fixture.h"

using namespace std::chrono_literals;

namespace {
constexpr auto kPatience = 300s;  // more than it takes on a machine however busy
}

TEST_CASE("waiting ends when a link comes to the state waited for") {
  Pair pair;
  netlink::Monitor monitor(pair.host.netns(), pair.host.netns());
  int looks = 0;
  const bool up = monitor.wait_until(
      [&] {
        // What is waited for begins after the first look, so that only a notification can end it.
        if (++looks == 1) pair.set_up();
        return looks > 1 && pair.host.link("v0").oper_state == netlink::OperState::kUp;
      },
      kPatience);
  CHECK(up);
  CHECK(looks > 1);
}

TEST_CASE("waiting hears of addresses of both families, in the monitor's own namespace") {
  const auto wanted = prefix(GENERATE("10.1.2.3/24", "fd00::3/64"));
  Pair pair;
  netlink::Monitor monitor(pair.pod.netns(), pair.host.netns());
  int looks = 0;
  const bool seen = monitor.wait_until(
      [&] {
        if (++looks > 1) return true;
        netlink::add_address(pair.pod.socket(), pair.eth0, wanted, {});
        return false;
      },
      kPatience);
  CHECK(seen);
}

TEST_CASE("duplicate address detection ends with a notification") {
  Pair pair;
  pair.pod.set_sysctl("net/ipv6/conf/eth0/dad_transmits", "1");
  pair.pod.set_sysctl("net/ipv6/neigh/eth0/retrans_time_ms", "100");
  netlink::Monitor monitor(pair.pod.netns(), pair.host.netns());
  pair.set_up();
  REQUIRE(netlink::add_address(pair.pod.socket(), pair.eth0, prefix("fd00::3/64"),
                               {.skip_dad = false}));
  CHECK(monitor.wait_until(
      [&] {
        for (const auto& address : netlink::addresses_of(pair.pod.socket(), pair.eth0)) {
          if (address.is_tentative()) return false;
        }
        return true;
      },
      kPatience));
}

TEST_CASE("what holds already is not waited for") {
  FakeHost host;
  netlink::Monitor monitor(host.netns(), host.netns());
  CHECK(monitor.wait_until([] { return true; }, 0s));
}

TEST_CASE("waiting ends when patience does") {
  Pair pair;
  netlink::Monitor monitor(pair.host.netns(), pair.host.netns());
  int looks = 0;
  CHECK_FALSE(monitor.wait_until([&] { return ++looks > 1; }, 20ms));
  CHECK(looks == 1);  // nothing happened, so there was no reason to look again
}

TEST_CASE("a change elsewhere wakes nobody") {
  Pair pair;
  pair.set_up();
  // Not in the pair's own container, where the carrier's coming is still being told of.
  netlink::Monitor monitor(pair.host.add_container().netns(), pair.host.netns());
  netlink::change_link(pair.host.socket(), pair.v0, {.alias = "changed"});
  int looks = 0;
  CHECK_FALSE(monitor.wait_until([&] { return ++looks > 1; }, 20ms));
}

TEST_CASE("notifications that were lost count as one") {
  Pair pair;
  pair.set_up();  // of a link that is down, a change of alias is not told
  netlink::Monitor monitor(pair.host.netns(), pair.host.netns());
  // More than the socket's receive buffer holds.
  for (int i = 0; i < 2000; ++i) {
    netlink::change_link(pair.host.socket(), pair.v0, {.alias = std::to_string(i)});
  }
  int looks = 0;
  CHECK(monitor.wait_until([&] { return ++looks > 1; }, kPatience));
}
