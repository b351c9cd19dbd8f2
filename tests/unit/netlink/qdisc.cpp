#include "netlink/qdisc.h"

#include <cstdint>

#include <catch2_any.h>

TEST_CASE("a burst is the time that it takes to fill, in units of 64 ns") {
  struct Row {
    std::uint64_t rate;   // bytes a second
    std::uint32_t burst;  // bytes
    std::uint32_t ticks;
  };
  const auto row = GENERATE(
      // 100 ms of a megabyte a second.
      Row{1'000'000, 100'000, 1'562'500}, Row{1, 1, 15'625'000}, Row{1'000'000, 0, 0},
      // Whole microseconds, as the reference counts: 1514 bytes take 12.112 us.
      Row{125'000'000, 1514, 12'000 / 64},
      // Less than a microsecond is none.
      Row{10'000'000'000, 1514, 0});
  CAPTURE(row.rate, row.burst);
  CHECK(netlink::ticks_of(row.rate, row.burst) == row.ticks);
}

TEST_CASE("a burst that takes longer than the kernel can count takes as long as it can") {
  CHECK(netlink::ticks_of(1000, 274'877) == 4'294'953'125);
  CHECK(netlink::ticks_of(1000, 274'878) == UINT32_MAX);
  CHECK(netlink::ticks_of(1000, UINT32_MAX) == UINT32_MAX);
  CHECK(netlink::ticks_of(1, UINT32_MAX) == UINT32_MAX);
}

TEST_CASE("no rate is no division") {
  CHECK(netlink::ticks_of(0, 0) == 0);
  CHECK(netlink::ticks_of(0, UINT32_MAX) == UINT32_MAX);
}

TEST_CASE("the ticks that a burst takes lead back to it, but for what is rounded away") {
  CHECK(netlink::burst_of(1'000'000, netlink::ticks_of(1'000'000, 100'000)) == 100'000);
  CHECK(netlink::burst_of(125'000, netlink::ticks_of(125'000, 20'480)) == 20'480);
  CHECK(netlink::burst_of(10'000'000'000, netlink::ticks_of(10'000'000'000, 100'000'000)) ==
        100'000'000);
  CHECK(netlink::burst_of(0, 0) == 0);
}
