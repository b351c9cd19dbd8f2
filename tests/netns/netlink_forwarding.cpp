#include <catch2_any.h>

#include "netlink/forwarding.h"
#include "netlink/sysctl.h"
#include "netlink_fixture.h"

TEST_CASE("a namespace forwards if its sysctl says so, each family by itself") {
  using base::Family;
  FakeHost host;
  const auto set = [](const char* v4, const char* v6) {
    REQUIRE(netlink::write_sysctl("net/ipv4/ip_forward", v4));
    REQUIRE(netlink::write_sysctl("net/ipv6/conf/all/forwarding", v6));
  };
  set("0", "0");
  CHECK_FALSE(netlink::is_forwarding(host.socket(), Family::kIpv4));
  CHECK_FALSE(netlink::is_forwarding(host.socket(), Family::kIpv6));
  set("1", "0");
  CHECK(netlink::is_forwarding(host.socket(), Family::kIpv4));
  CHECK_FALSE(netlink::is_forwarding(host.socket(), Family::kIpv6));
  set("0", "1");
  CHECK_FALSE(netlink::is_forwarding(host.socket(), Family::kIpv4));
  CHECK(netlink::is_forwarding(host.socket(), Family::kIpv6));
}

TEST_CASE("a container's forwarding is none of its host's") {
  Pair pair;
  REQUIRE(netlink::write_sysctl("net/ipv4/ip_forward", "1"));
  CHECK(netlink::is_forwarding(pair.host.socket(), base::Family::kIpv4));
  CHECK_FALSE(netlink::is_forwarding(pair.pod.socket(), base::Family::kIpv4));
}
