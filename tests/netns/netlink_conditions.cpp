// What doctor and STATUS ask the kernel besides: others' rules, all addresses, listeners, tables.
#include <algorithm>

#include <catch2_any.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/unique_fd.h"
#include "netlink/address.h"
#include "netlink/listeners.h"
#include "netlink/neighbour.h"
#include "netlink/nft/demands.h"
#include "netlink/route.h"
#include "netlink_fixture.h"

using netlink::nft::Demand;

TEST_CASE("what rules of others demand is told as far as it is about where packets come from") {
  FakeHost host;
  host.sh("nft add table inet fw");
  host.sh("nft add chain inet fw f");
  host.sh("nft add chain inet fw g");
  host.sh("nft add rule inet fw f iifname br0 ip saddr 10.88.0.0/16 accept");
  host.sh("nft add rule inet fw f ct state established,related counter accept");
  host.sh("nft add rule inet fw f tcp dport 22 jump g");
  host.sh("nft add rule inet fw f oifname { a, b } drop");
  netlink::Socket netfilter(netlink::Protocol::kNetfilter);
  const netlink::nft::Table table{.family = netlink::nft::TableFamily::kInet, .name = "fw"};
  const auto rules = netlink::nft::demands_of(netfilter, table, "f");
  REQUIRE(rules.size() == 4);
  REQUIRE(rules[0].demands.size() == 3);
  CHECK(rules[0].demands[0].of == Demand::Of::kInName);
  CHECK(rules[0].demands[0].value == netlink::nft::interface_value("br0"));
  CHECK(rules[0].demands[1].of == Demand::Of::kFamily);
  CHECK(rules[0].demands[2].of == Demand::Of::kSource);
  CHECK(rules[0].demands[2].value == netlink::nft::Bytes{10, 88});
  REQUIRE(rules[1].demands.size() == 1);
  CHECK(rules[1].demands[0].of == Demand::Of::kState);
  CHECK_FALSE(rules[1].demands[0].is_equal);
  CHECK(rules[1].demands[0].mask == netlink::nft::number_value(2 | 4));
  CHECK(rules[2].verdict.chain == "g");
  CHECK(std::any_of(rules[2].demands.begin(), rules[2].demands.end(),
                    [](const auto& each) { return each.of == Demand::Of::kSomething; }));
  REQUIRE(rules[3].demands.size() == 1);
  CHECK(rules[3].demands[0].is_looked_up);
  CHECK(rules[3].verdict.code == 0);
  CHECK(netlink::nft::demands_of(netfilter, table, "none").empty());
}

TEST_CASE("all addresses are listed with their links") {
  FakeHost host;
  host.sh("ip addr add 192.0.2.7/32 dev lo");
  const auto all = netlink::all_addresses(host.socket());
  const auto at = std::find_if(all.begin(), all.end(), [](const auto& each) {
    return each.prefix.address() == address("192.0.2.7");
  });
  REQUIRE(at != all.end());
  CHECK(at->link == 1);
}

TEST_CASE("routes of the main table are listed, and those of others are not") {
  FakeHost host;
  host.sh("ip route add 10.1.0.0/16 dev lo");
  host.sh("ip route add blackhole 10.2.0.0/16");
  host.sh("ip route add 10.3.0.0/16 dev lo table 300");
  const auto routes = netlink::main_routes(host.socket(), base::Family::kIpv4);
  CHECK(routes.size() == 2);
}

TEST_CASE("who listens is found with the socket's number, and who is connected is not") {
  FakeHost host;
  CHECK(netlink::find_listeners().empty());
  const base::UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in place{};
  place.sin_family = AF_INET;
  place.sin_port = htons(8080);
  REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&place), sizeof place) == 0);
  CHECK(netlink::find_listeners().empty());
  REQUIRE(::listen(listener.get(), 1) == 0);
  const auto found = netlink::find_listeners();
  REQUIRE(found.size() == 1);
  CHECK(found[0].protocol == IPPROTO_TCP);
  CHECK(found[0].address == address("0.0.0.0"));
  CHECK(found[0].port == 8080);
  CHECK_FALSE(found[0].takes_both);
  CHECK(found[0].inode != 0);
}

TEST_CASE("the tables of neighbours tell how much is in them, and how much may be") {
  Pair pair;
  const auto entries = [&] {
    for (const auto& table : netlink::neighbour_tables(pair.host.socket())) {
      if (table.family != base::Family::kIpv4) continue;
      CHECK(table.most >= 1);
      return table.entries;
    }
    return 0U;
  };
  // The machine's other namespaces share the table, so it is looked at for a change of many.
  const auto before = entries();
  pair.pod.sh(
      "for n in $(seq 2 101); do ip neigh add 10.9.9.$n lladdr 02:00:00:00:00:01 dev eth0 nud "
      "permanent; done");
  CHECK(entries() >= before + 50);
}
