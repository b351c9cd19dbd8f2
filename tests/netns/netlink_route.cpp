#include <algorithm>
#include <cerrno>
#include <set>
#include <string>
#include <vector>

#include <catch2_any.h>
#include <linux/rtnetlink.h>

#include "netlink/address.h"
#include "netlink/route.h"
#include "netlink_fixture.h"

namespace {

/// A container with 10.1.2.3/24 and fd00::3/64, up.
struct RoutedPair : Pair {
  RoutedPair() {
    set_up();
    netlink::add_address(pod.socket(), eth0, prefix("10.1.2.3/24"), {});
    netlink::add_address(pod.socket(), eth0, prefix("fd00::3/64"), {});
  }

  [[nodiscard]] netlink::Route to(std::string_view destination) const {
    return {.destination = prefix(destination), .out_link = eth0.index};
  }
  [[nodiscard]] netlink::Route to(std::string_view destination, std::string_view gateway) const {
    return {
        .destination = prefix(destination), .gateway = address(gateway), .out_link = eth0.index};
  }
  /// What ip(8) shows of one destination.
  [[nodiscard]] nlohmann::json shown(const std::string& destination,
                                     const std::string& table = "main") const {
    const std::string family = destination.find(':') == std::string::npos ? "-4" : "-6";
    return pod.ip(family + " route show table " + table + " exact " + destination);
  }
};

// In order of their text.
std::multiset<std::string> destinations(const std::vector<netlink::Route>& routes) {
  std::multiset<std::string> texts;
  for (const auto& route : routes) texts.insert(route.destination.to_string());
  return texts;
}

}  // namespace

TEST_CASE("a route is added once and removed once, its host bits cleared") {
  const auto [given, network] = GENERATE(table<std::string, std::string>({
      {"10.9.1.1/16", "10.9.0.0/16"},
      {"10.9.1.1/32", "10.9.1.1"},
      {"fd09::1:1/64", "fd09::/64"},
      {"fd09::1:1/128", "fd09::1:1"},
  }));
  RoutedPair pair;
  const auto route = pair.to(given);
  CHECK(netlink::add_route(pair.pod.socket(), route));
  CHECK_FALSE(netlink::add_route(pair.pod.socket(), route));
  CHECK(pair.shown(network).size() == 1);
  CHECK(netlink::remove_route(pair.pod.socket(), route));
  CHECK_FALSE(netlink::remove_route(pair.pod.socket(), route));
  CHECK(pair.shown(network).empty());
}

TEST_CASE("without a scope of its own a route gets the one that ip(8) would give it") {
  RoutedPair pair;
  REQUIRE(netlink::add_route(pair.pod.socket(), pair.to("10.9.0.0/16")));
  CHECK(pair.shown("10.9.0.0/16")[0]["scope"] == "link");
  REQUIRE(netlink::add_route(pair.pod.socket(), pair.to("10.8.0.0/16", "10.1.2.1")));
  CHECK(pair.shown("10.8.0.0/16")[0]["scope"] == "global");
  auto route = pair.to("10.7.0.0/16");
  route.scope = RT_SCOPE_HOST;
  REQUIRE(netlink::add_route(pair.pod.socket(), route));
  CHECK(pair.shown("10.7.0.0/16")[0]["scope"] == "host");
}

TEST_CASE("a route keeps everything it was given") {
  const bool v6 = GENERATE(false, true);
  RoutedPair pair;
  const netlink::Route given = {.destination = prefix(v6 ? "fd09::/64" : "10.9.0.0/16"),
                                .gateway = address(v6 ? "fe80::1" : "169.254.1.1"),
                                .out_link = pair.eth0.index,
                                .source = address(v6 ? "fd00::3" : "10.1.2.3"),
                                .table = 1000,
                                .priority = 77,
                                .mtu = 1300,
                                .advmss = 1200,
                                .onlink = true,
                                .protocol = RTPROT_STATIC};
  REQUIRE(netlink::add_route(pair.pod.socket(), given));
  const auto seen = netlink::routes_through(pair.pod.socket(), pair.eth0.index);
  const auto at = std::find_if(seen.begin(), seen.end(),
                               [&](const auto& one) { return one.table == given.table; });
  REQUIRE(at != seen.end());
  CHECK(at->destination == given.destination);
  CHECK(at->gateway == given.gateway);
  CHECK(at->out_link == given.out_link);
  CHECK(at->source == given.source);
  CHECK(at->priority == 77);
  CHECK(at->mtu == 1300);
  CHECK(at->advmss == 1200);
  CHECK(at->onlink);
  CHECK(at->protocol == RTPROT_STATIC);
  CHECK(at->type == RTN_UNICAST);
  CHECK(netlink::remove_route(pair.pod.socket(), given));
}

TEST_CASE("a gateway outside every subnet needs the onlink flag") {
  RoutedPair pair;
  auto route = pair.to("0.0.0.0/0", "169.254.1.1");
  CHECK(error_of([&] { netlink::add_route(pair.pod.socket(), route); }) == ENETUNREACH);
  route.onlink = true;
  CHECK(netlink::add_route(pair.pod.socket(), route));
}

TEST_CASE("the kernel's own words are part of a refusal") {
  RoutedPair pair;
  CHECK_THROWS_WITH(netlink::add_route(pair.pod.socket(), pair.to("10.9.0.0/16", "99.1.1.1")),
                    "add route 10.9.0.0/16 via 99.1.1.1 dev #" + std::to_string(pair.eth0.index) +
                        ": Network is unreachable (Nexthop has invalid gateway)");
}

TEST_CASE("a second route to one destination of one priority is not added, whatever its gateway") {
  const bool v6 = GENERATE(false, true);
  RoutedPair pair;
  const auto via = [&](const char* v4_gateway, const char* v6_gateway) {
    return v6 ? pair.to("::/0", v6_gateway) : pair.to("0.0.0.0/0", v4_gateway);
  };
  REQUIRE(netlink::add_route(pair.pod.socket(), via("10.1.2.1", "fd00::1")));
  auto second = via("10.1.2.2", "fd00::2");
  CHECK_FALSE(netlink::add_route(pair.pod.socket(), second));
  second.priority = 2050;
  CHECK(netlink::add_route(pair.pod.socket(), second));
  const auto family = v6 ? base::Family::kIpv6 : base::Family::kIpv4;
  CHECK(netlink::default_routes(pair.pod.socket(), family).size() == 2);
}

TEST_CASE("an address is had by whoever asks first, and the other one is told who that is") {
  const bool v6 = GENERATE(false, true);
  Pair pair;
  pair.set_up();
  pair.host.sh("ip link add w0 type veth peer name w1 && ip link set w0 up && ip link set w1 up");
  auto& socket = pair.host.socket();
  netlink::Route route{.destination = prefix(v6 ? "fd09::1/128" : "10.9.0.1/32"),
                       .out_link = pair.v0.index};
  const auto first = netlink::claim_address(socket, route);
  CHECK(first.is_made);
  CHECK_FALSE(first.earlier);
  route.out_link = pair.host.link("w0").index;
  const auto second = netlink::claim_address(socket, route);
  CHECK_FALSE(second.is_made);
  REQUIRE(second.earlier);
  CHECK(second.earlier->out_link == pair.v0.index);
  route.priority = 7;
  CHECK(netlink::claim_address(socket, route).earlier);
}

TEST_CASE("a wider route is no claim to an address, and one of the host's own is") {
  const bool v6 = GENERATE(false, true);
  Pair pair;
  pair.set_up();
  auto& socket = pair.host.socket();
  REQUIRE(netlink::add_route(socket, {.destination = prefix(v6 ? "fd09::/64" : "10.9.0.0/24"),
                                      .out_link = pair.v0.index}));
  netlink::Route route{.destination = prefix(v6 ? "fd09::1/128" : "10.9.0.1/32"),
                       .out_link = pair.v0.index};
  CHECK_FALSE(netlink::claim_address(socket, route).earlier);
  pair.host.sh(v6 ? "ip addr add fd09::2/128 dev lo" : "ip addr add 10.9.0.2/32 dev lo");
  // The kernel makes the local route of an IPv6 address a moment later (addrconf_dad_work).
  pair.host.sh(
      "for try in $(seq 500); do ip route show table local fd09::2 | grep -q . && break; "
      "ip -4 addr show dev lo | grep -q 10.9.0.2 && break; sleep 0.01; done");
  route.destination = prefix(v6 ? "fd09::2/128" : "10.9.0.2/32");
  const auto own = netlink::claim_address(socket, route);
  REQUIRE(own.earlier);
  CHECK(own.earlier->type == 2);  // RTN_LOCAL
}

TEST_CASE("the entry that covers an address is found by its key") {
  RoutedPair pair;
  auto& socket = pair.pod.socket();
  CHECK_FALSE(netlink::match_route(socket, address("8.8.8.8")));
  CHECK_FALSE(netlink::match_route(socket, address("2001:db8::1")));
  REQUIRE(netlink::add_route(socket, pair.to("0.0.0.0/0", "10.1.2.1")));
  REQUIRE(netlink::add_route(socket, pair.to("::/0", "fd00::1")));
  REQUIRE(netlink::add_route(socket, pair.to("10.9.0.1/32")));
  REQUIRE(netlink::add_route(socket, pair.to("fd09::1/128")));
  const auto [asked, found] = GENERATE(table<std::string, std::string>({
      {"10.9.0.1", "10.9.0.1/32"},
      {"10.9.0.2", "0.0.0.0/0"},
      {"10.1.2.9", "10.1.2.0/24"},
      {"10.1.2.3", "10.1.2.3/32"},
      {"fd09::1", "fd09::1/128"},
      {"fd09::2", "::/0"},
      {"fd00::9", "fd00::/64"},
  }));
  CAPTURE(asked);
  const auto route = netlink::match_route(socket, address(asked));
  REQUIRE(route);
  CHECK(route->destination.to_string() == found);
  CHECK(route->out_link == pair.eth0.index);
  CHECK((route->type == RTN_LOCAL) == (asked == "10.1.2.3"));
}

TEST_CASE("a route that forbids counts as none") {
  const std::string type = GENERATE("blackhole", "prohibit", "unreachable", "throw");
  RoutedPair pair;
  pair.pod.sh("ip route add " + type + " 10.20.0.0/16");
  CHECK_FALSE(netlink::match_route(pair.pod.socket(), address("10.20.0.1")));
  if (type == "throw") return;  // falls through to what an IPv6 table has besides
  pair.pod.sh("ip -6 route add " + type + " fd20::/16");
  CHECK_FALSE(netlink::match_route(pair.pod.socket(), address("fd20::1")));
}

TEST_CASE("of a multipath route each hop is told") {
  RoutedPair pair;
  pair.pod.sh("ip route add 10.9.0.0/16 nexthop via 10.1.2.1 nexthop via 10.1.2.2");
  const auto match = netlink::match_route(pair.pod.socket(), address("10.9.0.1"));
  REQUIRE(match);
  CHECK(match->gateway == address("10.1.2.1"));
  const auto routes = netlink::routes_through(pair.pod.socket(), pair.eth0.index);
  CHECK(std::count_if(routes.begin(), routes.end(), [](const auto& route) {
          return route.destination == prefix("10.9.0.0/16");
        }) == 2);
}

TEST_CASE("the routes through one link are those of every table but local, and of no other link") {
  RoutedPair pair;
  pair.pod.sh("ip link add other type veth peer name remote && ip link set other up");
  pair.pod.sh("ip route add 10.7.0.0/16 dev other && ip route add 10.8.0.0/16 dev eth0 table 300");
  auto seen = destinations(netlink::routes_through(pair.pod.socket(), pair.eth0.index));
  seen.erase("fe80::/64");  // comes with the carrier, some time
  CHECK(seen == std::multiset<std::string>{"10.1.2.0/24", "10.8.0.0/16", "fd00::/64"});
  CHECK(netlink::routes_through(pair.pod.socket(), 4711).empty());
}

TEST_CASE("the default routes are those of the main table") {
  RoutedPair pair;
  auto& socket = pair.pod.socket();
  CHECK(netlink::default_routes(socket, base::Family::kIpv4).empty());
  CHECK(netlink::default_routes(socket, base::Family::kIpv6).empty());
  REQUIRE(netlink::add_route(socket, pair.to("0.0.0.0/0", "10.1.2.1")));
  auto other = pair.to("0.0.0.0/0", "10.1.2.2");
  other.table = 300;
  REQUIRE(netlink::add_route(socket, other));
  const auto routes = netlink::default_routes(socket, base::Family::kIpv4);
  REQUIRE(routes.size() == 1);
  CHECK(routes[0].gateway == address("10.1.2.1"));
  CHECK_FALSE(routes[0].table);
  CHECK(netlink::default_routes(socket, base::Family::kIpv6).empty());
}

TEST_CASE("a namespace that never had a route has none") {
  FakeHost host;
  FakeContainer& pod = host.add_container();
  pod.sh("ip link set lo down");
  CHECK(netlink::default_routes(pod.socket(), base::Family::kIpv4).empty());
  CHECK(netlink::default_routes(pod.socket(), base::Family::kIpv6).empty());
  CHECK_FALSE(netlink::match_route(pod.socket(), address("10.0.0.1")));
}

TEST_CASE("where IPv6 is off, IPv6 routes are refused with EACCES, and none is found") {
  Pair pair;
  pair.pod.set_sysctl("net/ipv6/conf/all/disable_ipv6", "1");
  pair.set_up();
  auto& socket = pair.pod.socket();
  const netlink::Route route = {.destination = prefix("fd09::/64"), .out_link = pair.eth0.index};
  CHECK(error_of([&] { netlink::add_route(socket, route); }) == EACCES);
  CHECK_FALSE(netlink::remove_route(socket, route));
  CHECK_FALSE(netlink::match_route(socket, address("fd09::1")));
  CHECK(netlink::default_routes(socket, base::Family::kIpv6).empty());
  CHECK(netlink::routes_through(socket, pair.eth0.index).empty());
}

TEST_CASE("a route through a link that is down or gone is refused") {
  Pair pair;
  const auto destination = prefix(GENERATE("10.9.0.0/16", "fd09::/64"));
  auto& socket = pair.host.socket();
  CHECK(error_of([&] {
          netlink::add_route(socket, {.destination = destination, .out_link = pair.v0.index});
        }) == ENETDOWN);
  CHECK(error_of([&] {
          netlink::add_route(socket, {.destination = destination, .out_link = 4711});
        }) == ENODEV);
  CHECK_FALSE(netlink::remove_route(socket, {.destination = destination, .out_link = 4711}));
}

TEST_CASE("a route's text names what sets it apart") {
  netlink::Route route = {.destination = prefix("10.9.1.1/16")};
  CHECK(netlink::to_string(route) == "10.9.0.0/16");
  route.gateway = address("10.1.2.1");
  route.out_link = 5;
  route.table = 300;
  route.priority = 7;
  CHECK(netlink::to_string(route) == "10.9.0.0/16 via 10.1.2.1 dev #5 table 300 metric 7");
}
