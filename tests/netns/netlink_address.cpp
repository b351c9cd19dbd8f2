#include <algorithm>
#include <cerrno>
#include <string>

#include <catch2_any.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "netlink/address.h"
#include "netlink_fixture.h"

namespace {

const netlink::InterfaceAddress* find(const std::vector<netlink::InterfaceAddress>& addresses,
                                      const base::IpPrefix& wanted) {
  const auto at = std::find_if(addresses.begin(), addresses.end(),
                               [&](const auto& one) { return one.prefix == wanted; });
  return at == addresses.end() ? nullptr : &*at;
}

}  // namespace

TEST_CASE("an address is added once, listed, and removed once") {
  const auto wanted = prefix(GENERATE("10.1.2.3/24", "10.1.2.3/32", "fd00::3/64", "fd00::3/128"));
  Pair pair;
  auto& socket = pair.pod.socket();
  CHECK(netlink::add_address(socket, pair.eth0, wanted, {}));
  CHECK_FALSE(netlink::add_address(socket, pair.eth0, wanted, {}));
  const auto seen = netlink::addresses_of(socket, pair.eth0);
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].prefix == wanted);
  CHECK(seen[0].scope == RT_SCOPE_UNIVERSE);
  CHECK(netlink::remove_address(socket, pair.eth0, wanted));
  CHECK_FALSE(netlink::remove_address(socket, pair.eth0, wanted));
  CHECK(netlink::addresses_of(socket, pair.eth0).empty());
}

TEST_CASE("an IPv4 prefix shorter than /31 gets its broadcast address") {
  const auto [text, broadcast] = GENERATE(table<std::string, std::string>({
      {"10.1.2.3/24", "10.1.2.255"},
      {"10.1.2.3/30", "10.1.2.3"},
      {"10.1.2.3/31", ""},
      {"10.1.2.3/32", ""},
  }));
  Pair pair;
  REQUIRE(netlink::add_address(pair.pod.socket(), pair.eth0, prefix(text), {}));
  const auto shown = pair.pod.ip("addr show dev eth0")[0]["addr_info"][0];
  CHECK(shown.value("broadcast", "") == broadcast);
}

TEST_CASE("an address carries the scope it is given, and a prefix route unless told otherwise") {
  Pair pair;
  pair.set_up();
  const auto wanted = prefix("10.1.2.3/24");
  const bool no_route = GENERATE(false, true);
  REQUIRE(netlink::add_address(pair.pod.socket(), pair.eth0, wanted,
                               {.no_prefix_route = no_route, .scope = RT_SCOPE_LINK}));
  const auto seen = netlink::addresses_of(pair.pod.socket(), pair.eth0);
  const auto* address = find(seen, wanted);
  REQUIRE(address != nullptr);
  CHECK(address->scope == RT_SCOPE_LINK);
  CHECK(((address->flags & IFA_F_NOPREFIXROUTE) != 0) == no_route);
  CHECK(pair.pod.sh("ip route show 10.1.2.0/24").empty() == no_route);
}

TEST_CASE("an IPv6 address without duplicate detection is usable at once") {
  const auto wanted = prefix("fd00::3/64");
  Pair pair;
  SECTION("on a link that is down when it comes, and up afterwards") {
    REQUIRE(netlink::add_address(pair.pod.socket(), pair.eth0, wanted, {}));
    pair.set_up();
  }
  SECTION("on a link that is up without a carrier") {
    netlink::change_link(pair.pod.socket(), pair.eth0, {.up = true});
    REQUIRE(netlink::add_address(pair.pod.socket(), pair.eth0, wanted, {}));
  }
  SECTION("on a link that has just come up") {
    pair.set_up();
    REQUIRE(netlink::add_address(pair.pod.socket(), pair.eth0, wanted, {}));
  }
  const auto seen = netlink::addresses_of(pair.pod.socket(), pair.eth0);
  const auto* address = find(seen, wanted);
  REQUIRE(address != nullptr);
  CHECK_FALSE(address->is_tentative());
  CHECK_FALSE(address->failed_dad());
  CHECK((address->flags & IFA_F_NODAD) != 0);
}

TEST_CASE("an IPv6 address with duplicate detection is tentative first") {
  Pair pair;
  netlink::change_link(pair.pod.socket(), pair.eth0,
                       {.up = true});  // detection waits for a carrier
  const auto wanted = prefix("fd00::3/64");
  REQUIRE(netlink::add_address(pair.pod.socket(), pair.eth0, wanted, {.skip_dad = false}));
  const auto seen = netlink::addresses_of(pair.pod.socket(), pair.eth0);
  const auto* address = find(seen, wanted);
  REQUIRE(address != nullptr);
  CHECK(address->is_tentative());
}

TEST_CASE("IPv4 tells prefix lengths of one address apart, IPv6 does not") {
  Pair pair;
  auto& socket = pair.pod.socket();
  REQUIRE(netlink::add_address(socket, pair.eth0, prefix("10.1.2.3/24"), {}));
  CHECK(netlink::add_address(socket, pair.eth0, prefix("10.1.2.3/16"), {}));
  CHECK_FALSE(netlink::remove_address(socket, pair.eth0, prefix("10.1.2.3/20")));
  REQUIRE(netlink::add_address(socket, pair.eth0, prefix("fd00::3/64"), {}));
  CHECK_FALSE(netlink::add_address(socket, pair.eth0, prefix("fd00::3/80"), {}));
  CHECK_FALSE(netlink::remove_address(socket, pair.eth0, prefix("fd00::3/80")));
}

TEST_CASE(
    "where IPv6 is off, an IPv6 address is refused with EACCES, and there is none to remove") {
  Pair pair;
  pair.pod.set_sysctl("net/ipv6/conf/all/disable_ipv6", "1");
  auto& socket = pair.pod.socket();
  const auto wanted = prefix("fd00::3/64");
  CHECK(error_of([&] { netlink::add_address(socket, pair.eth0, wanted, {}); }) == EACCES);
  CHECK_FALSE(netlink::remove_address(socket, pair.eth0, wanted));
  REQUIRE(netlink::add_address(socket, pair.eth0, prefix("10.1.2.3/24"), {}));
  CHECK(netlink::addresses_of(socket, pair.eth0).size() == 1);
}

TEST_CASE("only the addresses of the link asked for are listed") {
  Pair pair;
  auto& socket = pair.host.socket();
  REQUIRE(netlink::add_address(socket, pair.v0, prefix("10.1.2.1/24"), {}));
  REQUIRE(netlink::add_address(socket, pair.v0, prefix("fd00::1/64"), {}));
  CHECK(netlink::addresses_of(socket, pair.v0).size() == 2);
  const auto loopback = netlink::addresses_of(socket, pair.host.link("lo"));
  CHECK(loopback.size() == 2);
  CHECK(find(loopback, prefix("127.0.0.1/8")) != nullptr);
  CHECK(find(loopback, prefix("::1/128")) != nullptr);
}

TEST_CASE("of a link that is gone there are no addresses to remove, and none to add or list") {
  Pair pair;
  auto& socket = pair.host.socket();
  REQUIRE(netlink::delete_link(socket, "v0"));
  const auto wanted = prefix(GENERATE("10.1.2.3/24", "fd00::3/64"));
  CHECK_FALSE(netlink::remove_address(socket, pair.v0, wanted));
  CHECK(error_of([&] { netlink::add_address(socket, pair.v0, wanted, {}); }) == ENODEV);
  CHECK(error_of([&] { (void)netlink::addresses_of(socket, pair.v0); }) == ENODEV);
}
