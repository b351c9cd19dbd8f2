#include <algorithm>
#include <cerrno>

#include <catch2_any.h>

#include "netlink/filter.h"
#include "netlink/qdisc.h"
#include "netlink_fixture.h"

namespace {

using netlink::Filter;
using netlink::Side;

void add_htb(Pair& pair) {
  pair.set_up();
  netlink::add_shaped_class(pair.host.socket(), pair.v0,
                            {.rate = 1'000'000, .burst = 20'000, .limit = 45'000}, true);
}

}  // namespace

TEST_CASE("a filter for a subnet is read back as it was made") {
  const Filter filter = GENERATE(
      Filter{.prefix = prefix("10.0.0.0/8"), .side = Side::kSource},
      Filter{.prefix = prefix("10.99.128.0/17")}, Filter{.prefix = prefix("192.0.2.7/32")},
      Filter{.prefix = prefix("0.0.0.0/0")}, Filter{.prefix = prefix("::/0")},
      Filter{.prefix = prefix("fd00::/8"), .side = Side::kSource},
      Filter{.prefix = prefix("fd00:1:2:3::/64")}, Filter{.prefix = prefix("2001:db8::7/128")},
      Filter{.prefix = prefix("fd00:0:0:8000::/49"), .side = Side::kSource});
  CAPTURE(filter.prefix->to_string());
  Pair pair;
  add_htb(pair);
  auto& socket = pair.host.socket();
  for (const auto class_id : {netlink::kShapedClass, netlink::kRootHandle}) {
    Filter whole = filter;
    whole.parent = netlink::kRootHandle;
    whole.class_id = class_id;
    netlink::add_filter(socket, pair.v0, whole);
    whole.prefix = filter.prefix->network();
    const auto filters = netlink::filters_of(socket, pair.v0, netlink::kRootHandle);
    CHECK(std::find(filters.begin(), filters.end(), whole) != filters.end());
  }
  CHECK(netlink::filters_of(socket, pair.v0, netlink::kRootHandle).size() == 2);
}

TEST_CASE("filters of both families live beside each other") {
  Pair pair;
  add_htb(pair);
  auto& socket = pair.host.socket();
  std::vector<Filter> made;
  for (const char* subnet : {"10.1.0.0/16", "fd00:1::/32", "10.2.0.0/16", "fd00:2::/32"}) {
    made.push_back({.parent = netlink::kRootHandle,
                    .prefix = prefix(subnet),
                    .side = Side::kSource,
                    .class_id = netlink::kShapedClass});
    netlink::add_filter(socket, pair.v0, made.back());
  }
  const auto found = netlink::filters_of(socket, pair.v0, netlink::kRootHandle);
  CHECK(found.size() == made.size());
  CHECK(std::is_permutation(made.begin(), made.end(), found.begin(), found.end()));
}

TEST_CASE("a redirection is read back, and goes with the queue that it is of") {
  Pair pair;
  pair.set_up();
  auto& socket = pair.host.socket();
  netlink::create_ifb(socket, "ifb7", 1400);
  const auto ifb = pair.host.link("ifb7");
  netlink::add_ingress(socket, pair.v0);
  CHECK(netlink::filters_of(socket, pair.v0, netlink::kIngressHandle).empty());
  const Filter redirection{.parent = netlink::kIngressHandle, .redirect_to = ifb.index};
  netlink::add_filter(socket, pair.v0, redirection);
  CHECK(netlink::filters_of(socket, pair.v0, netlink::kIngressHandle) == std::vector{redirection});
  CHECK(pair.host.sh("tc filter show dev v0 parent ffff:").find("Egress Redirect to device ifb7") !=
        std::string::npos);
  netlink::remove_qdisc(socket, pair.v0.index, netlink::kIngressParent, "v0");
  CHECK(netlink::filters_of(socket, pair.v0, netlink::kIngressHandle).empty());
}

TEST_CASE("filters that others have made of other kinds are passed over") {
  Pair pair;
  add_htb(pair);
  pair.host.sh("tc filter add dev v0 parent 1: protocol ip prio 3 matchall flowid 1:30 || true");
  pair.host.sh(
      "tc filter add dev v0 parent 1: protocol ip prio 16 u32 match ip dst 10.9.0.0/16 flowid "
      "1:30");
  const auto found = netlink::filters_of(pair.host.socket(), pair.v0, netlink::kRootHandle);
  REQUIRE(found.size() == 1);
  CHECK(found[0] == Filter{.parent = netlink::kRootHandle,
                           .prefix = prefix("10.9.0.0/16"),
                           .class_id = netlink::kShapedClass});
}

TEST_CASE("without the queue, or the link, there is nothing to filter") {
  Pair pair;
  pair.set_up();
  auto& socket = pair.host.socket();
  const Filter filter{.parent = netlink::kRootHandle,
                      .prefix = prefix("10.0.0.0/8"),
                      .class_id = netlink::kShapedClass};
  CHECK(error_of([&] { netlink::add_filter(socket, pair.v0, filter); }) == EINVAL);
  CHECK(error_of([&] {
          netlink::add_filter(socket, pair.v0,
                              {.parent = netlink::kIngressHandle, .redirect_to = pair.v0.index});
        }) == EINVAL);
  pair.host.sh("ip link del v0");
  CHECK(error_of([&] { netlink::add_filter(socket, pair.v0, filter); }) == ENODEV);
}

TEST_CASE("a redirection to a link that is not there is refused with ENODEV") {
  Pair pair;
  pair.set_up();
  netlink::add_ingress(pair.host.socket(), pair.v0);
  CHECK(error_of([&] {
          netlink::add_filter(pair.host.socket(), pair.v0,
                              {.parent = netlink::kIngressHandle, .redirect_to = 4711});
        }) == ENODEV);
}

TEST_CASE("an ifb is made down, with its MTU, and refused where the name is taken") {
  FakeHost host;
  netlink::create_ifb(host.socket(), "bwp0123456789ab", 1400);
  const auto ifb = host.link("bwp0123456789ab");
  CHECK(ifb.kind == "ifb");
  CHECK(ifb.mtu == 1400);
  CHECK_FALSE(ifb.is_up());
  CHECK(error_of([&] { netlink::create_ifb(host.socket(), "bwp0123456789ab", 1400); }) == EEXIST);
}
