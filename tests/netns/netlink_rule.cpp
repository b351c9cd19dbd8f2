#include <algorithm>
#include <array>

#include <catch2_any.h>

#include "netlink/address.h"
#include "netlink/route.h"
#include "netlink/rule.h"
#include "netlink_fixture.h"

TEST_CASE("a rule is added once, seen, and removed once") {
  const std::string source = GENERATE(as<std::string>{}, "10.1.2.3", "fd00::3");
  Pair pair;
  auto& socket = pair.pod.socket();
  const netlink::SourceRule rule{.source = address(source), .table = 10003, .priority = 31000};
  CHECK(netlink::add_rule(socket, rule));
  CHECK_FALSE(netlink::add_rule(socket, rule));
  const auto seen = netlink::source_rules(socket);
  REQUIRE(seen.size() == 1);
  CHECK(netlink::to_string(seen.front()) == "from " + source + " table 10003");
  CHECK(seen.front().priority == 31000);
  CHECK(netlink::remove_rule(socket, rule));
  CHECK_FALSE(netlink::remove_rule(socket, rule));
  CHECK(netlink::source_rules(socket).empty());
}

TEST_CASE("rules to a table go together, and nobody else's") {
  Pair pair;
  auto& socket = pair.pod.socket();
  for (const char* source : {"10.1.2.3", "10.1.2.4", "fd00::3"})
    netlink::add_rule(socket, {.source = address(source), .table = 10003, .priority = 31000});
  netlink::add_rule(socket, {.source = address("10.1.2.3"), .table = 10003, .priority = 5});
  netlink::add_rule(socket, {.source = address("10.1.2.3"), .table = 100, .priority = 31000});
  netlink::remove_rules_to(socket, 10003, 31000);
  CHECK(netlink::source_rules(socket).size() == 2);
  netlink::remove_rules_to(socket, 10003, 31000);
  CHECK(netlink::source_rules(socket).size() == 2);
}

TEST_CASE("a route has several next hops, and one by a gateway comes before the kernel's own") {
  const auto [own, other, first, second] =
      GENERATE(table<std::string, std::string, std::string, std::string>({
          {"10.1.2.3/24", "10.9.0.0/16", "10.1.2.1", "10.1.2.2"},
          {"fd00::3/64", "fd09::/64", "fd00::1", "fd00::2"},
      }));
  Pair pair;
  pair.set_up();
  auto& socket = pair.pod.socket();
  netlink::add_address(socket, pair.eth0, prefix(own), {});
  std::array<netlink::Route, 2> hops;
  hops.fill({.destination = prefix(other), .gateway = address(first), .out_link = pair.eth0.index});
  hops[1].gateway = address(second);
  CHECK(netlink::add_route(socket, hops));
  CHECK_FALSE(netlink::add_route(socket, hops));
  const auto seen = netlink::routes_through(socket, pair.eth0.index);
  CHECK(std::count_if(seen.begin(), seen.end(), [&, wanted = prefix(other)](const auto& route) {
          return route.destination == wanted && route.gateway;
        }) == 2);
  for (auto& hop : hops) hop.destination = prefix(own).network();
  CHECK(netlink::add_route_before(socket, std::span(hops).first(1)));
}
