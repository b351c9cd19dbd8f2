#include <catch2_any.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "netlink/nft/rules.h"
#include "netlink/nft/transaction.h"
#include "netlink_fixture.h"

using namespace netlink::nft;

namespace {

const Table kNat = {.family = TableFamily::kIpv4, .name = "nat"};

base::IpAddress address(const char* text) {
  return base::IpAddress::parse(text).value();
}

}  // namespace

TEST_CASE("rules of others tell where they lead, whom they are for, and their comment") {
  FakeHost host;
  netlink::Socket socket{netlink::Protocol::kNetfilter};
  host.sh(
      "nft 'add table ip nat; add chain ip nat c; add chain ip nat to; "
      "add rule ip nat c ip saddr 192.0.2.1 counter jump to comment \"one\"; "
      "add rule ip nat c ip daddr 192.0.2.2 accept; "
      "add rule ip nat c ip saddr != 192.0.2.3 drop; "
      "add rule ip nat c ip saddr 192.0.2.0/24 drop; "
      "add rule ip nat c tcp dport 80 dnat to 192.0.2.4:8080 comment \"container\"'");
  const auto rules = rules_of(socket, kNat, "c");
  REQUIRE(rules.size() == 5);
  CHECK(rules[0].source == address("192.0.2.1"));
  CHECK_FALSE(rules[0].destination);
  CHECK(rules[0].comment == "one");
  CHECK(rules[0].verdict.code == NFT_JUMP);
  CHECK(rules[0].verdict.chain == "to");
  CHECK(rules[1].destination == address("192.0.2.2"));
  CHECK(rules[1].has_verdict);
  CHECK(rules[1].verdict.code == NF_ACCEPT);
  CHECK_FALSE(rules[2].source);
  CHECK_FALSE(rules[3].source);
  CHECK(rules[4].loaded == address("192.0.2.4"));
  CHECK(rules[4].comment == "container");
  CHECK_FALSE(rules[4].has_verdict);
}

TEST_CASE("rules of iptables are read, and removed by their handle") {
  FakeHost host;
  netlink::Socket socket{netlink::Protocol::kNetfilter};
  host.sh(
      "ip6tables -t nat -N to && ip6tables -t nat -A POSTROUTING -s 2001:db8::1 -j to && "
      "ip6tables -t nat -A POSTROUTING -s 2001:db8::2 -j to");
  const Table table{.family = TableFamily::kIpv6, .name = "nat"};
  const auto rules = rules_of(socket, table, "POSTROUTING");
  REQUIRE(rules.size() == 2);
  CHECK(rules[1].source == address("2001:db8::2"));
  CHECK(rules[1].verdict.chain == "to");
  Transaction transaction;
  transaction.remove_rule(table, "POSTROUTING", rules[1].handle);
  transaction.commit(socket);
  const auto left = rules_of(socket, table, "POSTROUTING");
  REQUIRE(left.size() == 1);
  CHECK(left[0].source == address("2001:db8::1"));
}

TEST_CASE("a chain or a table that is not there has no rules") {
  FakeHost host;
  netlink::Socket socket{netlink::Protocol::kNetfilter};
  CHECK(rules_of(socket, kNat, "c").empty());
  host.sh("nft add table ip nat");
  CHECK(rules_of(socket, kNat, "c").empty());
}
