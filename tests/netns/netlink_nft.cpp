#include <cerrno>
#include <fstream>

#include <catch2_any.h>
#include <linux/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "netlink/nft/expression.h"
#include "netlink/nft/query.h"
#include "netlink/nft/transaction.h"
#include "netlink_fixture.h"

using namespace netlink::nft;

namespace {

const Table kTable = {.family = TableFamily::kInet, .name = "t"};
const Set kNames = {.name = "names", .key = {Type::kInterface, Type::kIpv4}};

struct Ruleset {
  FakeHost host;
  netlink::Socket socket{netlink::Protocol::kNetfilter};

  void commit(const std::function<void(Transaction&)>& fill) {
    Transaction transaction;
    fill(transaction);
    transaction.commit(socket);
  }
  std::string list() const { return host.sh("nft list ruleset"); }
  // What nft prints, nft reads, and prints again.
  bool loads_back() const {
    const std::string text = list();
    const std::string file = host.directory() + "/ruleset";
    std::ofstream(file) << text;
    host.sh("nft flush ruleset && nft -f " + file);
    return list() == text;
  }
};

Bytes key_of(std::string_view interface, std::string_view ip) {
  return concatenate({interface_value(interface), value_of(address(ip))});
}

std::vector<Expression> of_ipv4() {
  return {load_meta(Meta::kNfProto), compare(Comparison::kEqual, {NFPROTO_IPV4})};
}

}  // namespace

TEST_CASE("sets and maps of each type read as nft's own") {
  Ruleset ruleset;
  ruleset.commit([](Transaction& all) {
    all.add_table(kTable);
    all.add_set(kTable, {.name = "a", .key = {Type::kIpv4}});
    all.add_element(kTable, "a", {.key = value_of(address("10.0.0.1")), .comment = "net/id/eth0"});
    all.add_set(kTable, {.name = "b", .key = {Type::kInterface}});
    all.add_element(kTable, "b", {.key = interface_value("veth1")});
    all.add_set(kTable, {.name = "c", .key = {Type::kInterface, Type::kMac}});
    all.add_element(
        kTable, "c",
        {.key = concatenate({interface_value("veth1"), value_of(mac("02:00:00:00:00:01"))})});
    all.add_set(kTable, {.name = "d", .key = {Type::kLinkGroup, Type::kIpv6}});
    all.add_element(kTable, "d",
                    {.key = concatenate({number_value(7), value_of(address("fd00::1"))})});
    all.add_set(
        kTable,
        {.name = "e", .key = {Type::kProtocol, Type::kPort}, .data = {Type::kIpv4, Type::kPort}});
    all.add_element(kTable, "e",
                    {.key = concatenate({protocol_value(IPPROTO_TCP), port_value(80)}),
                     .data = concatenate({value_of(address("10.0.0.1")), port_value(8080)}),
                     .comment = "q"});
    all.add_set(kTable, {.name = "f", .key = {Type::kIpv6}, .data = {Type::kVerdict}});
    all.add_element(kTable, "f",
                    {.key = value_of(address("fd00::1")), .verdict = Verdict{NF_DROP}});
  });
  CHECK(ruleset.list() == R"(table inet t {
	set a {
		type ipv4_addr
		elements = { 10.0.0.1 comment "net/id/eth0" }
	}

	set b {
		type ifname
		elements = { "veth1" }
	}

	set c {
		type ifname . ether_addr
		elements = { "veth1" . 02:00:00:00:00:01 }
	}

	set d {
		type devgroup . ipv6_addr
		elements = { 7 . fd00::1 }
	}

	map e {
		type inet_proto . inet_service : ipv4_addr . inet_service
		elements = { tcp . 80 comment "q" : 10.0.0.1 . 8080 }
	}

	map f {
		type ipv6_addr : verdict
		elements = { fd00::1 : drop }
	}
})");
  CHECK(ruleset.loads_back());
}

TEST_CASE("rules read as nft's own") {
  Ruleset ruleset;
  ruleset.commit([](Transaction& all) {
    all.add_table(kTable);
    all.add_set(kTable, kNames);
    all.add_set(kTable, {.name = "ports",
                         .key = {Type::kProtocol, Type::kPort},
                         .data = {Type::kIpv4, Type::kPort}});
    all.add_chain(kTable, {.name = "more"});
    all.add_chain(kTable, {.name = "f", .hook = Hook{"filter", NF_INET_FORWARD, -5}});
    all.add_rule(kTable, "f",
                 {.expressions = {load_ct_state(), mask(number_value(6)),
                                  compare(Comparison::kNotEqual, number_value(0)), accept()},
                  .comment = "known"});
    auto listed = of_ipv4();
    for (auto& each : {load_meta(Meta::kInName), load_payload(Base::kNetwork, 12, 4, 4),
                       look_up("names", Membership::kNotIn), count(), drop()})
      listed.push_back(each);
    all.add_rule(kTable, "f", {.expressions = listed});
    all.add_rule(kTable, "f", {.expressions = {jump("more")}});
    all.add_chain(kTable, {.name = "s", .hook = Hook{"nat", NF_INET_POST_ROUTING, 120}});
    auto masked = of_ipv4();
    for (auto& each : {load_payload(Base::kNetwork, 16, 4),
                       look_up_prefixes(kTable, {prefix("10.0.0.0/24"), prefix("224.0.0.0/4")},
                                        Membership::kNotIn),
                       masquerade()})
      masked.push_back(each);
    all.add_rule(kTable, "s", {.expressions = masked});
    all.add_chain(kTable, {.name = "d", .hook = Hook{"nat", NF_INET_PRE_ROUTING, -105}});
    all.add_rule(
        kTable, "d",
        {.expressions = {load_address_type(FibOf::kDestination),
                         compare(Comparison::kEqual, number_value(2)), load_meta(Meta::kL4Proto),
                         load_payload(Base::kTransport, 2, 2, 1), look_up_data("ports", 0, 0),
                         dnat(base::Family::kIpv4, 0, 1)}});
  });
  CHECK(ruleset.list() == R"(table inet t {
	set names {
		type ifname . ipv4_addr
	}

	map ports {
		type inet_proto . inet_service : ipv4_addr . inet_service
	}

	chain more {
	}

	chain f {
		type filter hook forward priority filter - 5; policy accept;
		ct state established,related accept comment "known"
		iifname . ip saddr != @names counter packets 0 bytes 0 drop
		jump more
	}

	chain s {
		type nat hook postrouting priority 120; policy accept;
		ip daddr != { 10.0.0.0/24, 224.0.0.0/4 } masquerade
	}

	chain d {
		type nat hook prerouting priority dstnat - 5; policy accept;
		fib daddr type local dnat ip to meta l4proto . th dport map @ports
	}
})");
  CHECK(ruleset.loads_back());
}

TEST_CASE("prefixes that touch, end a family or are many make one set") {
  std::vector<base::IpPrefix> prefixes{prefix("fd00::/64"), prefix("fd00:0:0:1::/64"),
                                       prefix("ff00::/8")};
  for (int i = 0; i < 100; ++i)
    prefixes.push_back(prefix("2001:db8:" + std::to_string(i) + "::/48"));
  Ruleset ruleset;
  ruleset.commit([&](Transaction& all) {
    all.add_table(kTable);
    all.add_chain(kTable, {.name = "c"});
    all.add_rule(
        kTable, "c",
        {.expressions = {load_meta(Meta::kNfProto), compare(Comparison::kEqual, {NFPROTO_IPV6}),
                         load_payload(Base::kNetwork, 24, 16),
                         look_up_prefixes(kTable, prefixes, Membership::kIn), drop()}});
  });
  const std::string text = ruleset.list();
  for (const auto& each : prefixes) CHECK(text.find(each.to_string()) != std::string::npos);
  (void)ruleset.loads_back();  // does not fail; nft joins prefixes that touch
}

TEST_CASE("a transaction is made whole or not at all, and what was refused is named") {
  Ruleset ruleset;
  Transaction all;
  all.add_table(kTable);
  all.add_set(kTable, kNames);
  all.add_element(kTable, "names", {.key = key_of("v", "10.0.0.1")});
  all.add_element(kTable, "other", {.key = key_of("v", "10.0.0.1")});
  all.add_element(kTable, "names", {.key = key_of("v", "10.0.0.1")});
  all.add_set(kTable, {.name = "later", .key = {Type::kIpv4}});
  const auto refusals = all.try_commit(ruleset.socket);
  REQUIRE(refusals.size() == 2);
  CHECK(refusals[0].code == ENOENT);
  CHECK(refusals[0].operation == "add element to");
  CHECK(refusals[0].object == "inet t other");
  CHECK(refusals[1].code == EEXIST);
  CHECK(ruleset.list().empty());

  Transaction again;
  again.add_table(kTable);
  again.remove_chain(kTable, "none");
  try {
    again.commit(ruleset.socket);
    FAIL("nothing was refused");
  } catch (const netlink::Error& error) {
    CHECK(std::string(error.what())
              .starts_with("remove chain inet t none: No such file or directory"));
  }
  CHECK(ruleset.list().empty());
}

TEST_CASE("a chain of a kind that there is none of is refused") {
  Ruleset ruleset;
  Transaction all;
  all.add_table(kTable);
  all.add_chain(kTable, {.name = "c", .hook = Hook{"nat", NF_INET_FORWARD, 0}});
  CHECK(error_of([&] { all.commit(ruleset.socket); }) == EOPNOTSUPP);
  CHECK(ruleset.list().empty());
}

TEST_CASE("what is made may be there already; an element may not") {
  Ruleset ruleset;
  const auto make = [](Transaction& all) {
    all.add_table(kTable);
    all.add_set(kTable, kNames);
    all.add_chain(kTable, {.name = "c", .hook = Hook{"filter", NF_INET_FORWARD, 0}});
    all.flush_chain(kTable, "c");
    all.add_rule(kTable, "c", {.expressions = {drop()}});
  };
  ruleset.commit(make);
  const std::string once = ruleset.list();
  ruleset.commit(make);
  CHECK(ruleset.list() == once);

  const Element element{.key = key_of("v", "10.0.0.1"), .comment = "first"};
  ruleset.commit([&](Transaction& all) { all.add_element(kTable, "names", element); });
  CHECK(error_of([&] {
          ruleset.commit([&](Transaction& all) { all.add_element(kTable, "names", element); });
        }) == EEXIST);
  ruleset.commit([&](Transaction& all) {
    all.remove_element(kTable, "names", element.key);
    all.add_element(kTable, "names", {.key = element.key, .comment = "second"});
  });
  CHECK(find_element(ruleset.socket, kTable, "names", element.key)->comment == "second");
}

TEST_CASE("elements and chains are found by their keys") {
  Ruleset ruleset;
  CHECK_FALSE(find_chain(ruleset.socket, kTable, "c"));
  CHECK_FALSE(find_element(ruleset.socket, kTable, "names", key_of("v", "10.0.0.1")));
  CHECK(sets_of(ruleset.socket, kTable).empty());
  CHECK(elements_of(ruleset.socket, kTable, "names").empty());
  ruleset.commit([](Transaction& all) {
    all.add_table(kTable);
    all.add_set(kTable, kNames);
    for (int i = 0; i < 300; ++i) {
      all.add_element(
          kTable, "names",
          {.key = concatenate({interface_value("v"),
                               value_of(address("10.0.0.0").plus(static_cast<unsigned>(i)))}),
           .comment = std::to_string(i)});
    }
    all.add_chain(kTable, {.name = "target"});
    all.add_chain(kTable, {.name = "c"});
    all.add_rule(kTable, "c", {.expressions = {jump("target")}});
    all.add_rule(kTable, "c", {.expressions = {drop()}});
  });
  CHECK(find_chain(ruleset.socket, kTable, "c")->use == 2);
  CHECK(find_chain(ruleset.socket, kTable, "target")->use == 1);
  CHECK(find_element(ruleset.socket, kTable, "names", key_of("v", "10.0.0.7"))->comment == "7");
  CHECK_FALSE(find_element(ruleset.socket, kTable, "names", key_of("w", "10.0.0.7")));
  CHECK_FALSE(find_element(ruleset.socket, kTable, "none", key_of("w", "10.0.0.7")));
  REQUIRE(sets_of(ruleset.socket, kTable).size() == 1);
  CHECK(sets_of(ruleset.socket, kTable)[0].name == "names");
  CHECK(elements_of(ruleset.socket, kTable, "names").size() == 300);
  ruleset.host.sh("nft add table ip filter");
  ruleset.host.sh(
      "nft add chain ip filter FORWARD '{ type filter hook forward priority 0; policy drop; }'");
  CHECK(find_chain(ruleset.socket, {.family = TableFamily::kIpv4, .name = "filter"}, "FORWARD")
            ->drops);
}

TEST_CASE("a long comment is cut to what nft takes") {
  Ruleset ruleset;
  ruleset.commit([](Transaction& all) {
    all.add_table(kTable);
    all.add_set(kTable, {.name = "a", .key = {Type::kIpv4}});
    all.add_element(kTable, "a",
                    {.key = value_of(address("10.0.0.1")), .comment = std::string(300, 'x')});
  });
  CHECK(find_element(ruleset.socket, kTable, "a", value_of(address("10.0.0.1")))->comment ==
        std::string(127, 'x'));
  CHECK(ruleset.loads_back());
}

TEST_CASE("thousands of elements are one transaction, added and removed") {
  constexpr int kCount = 10000;
  Ruleset ruleset;
  std::vector<Element> elements;
  std::vector<Bytes> keys;
  for (int i = 0; i < kCount; ++i) {
    keys.push_back(value_of(address("10.0.0.0").plus(static_cast<std::uint64_t>(i))));
    elements.push_back({.key = keys.back(), .comment = std::string(127, 'x')});
  }
  ruleset.commit([&](Transaction& all) {
    all.add_table(kTable);
    all.add_set(kTable, {.name = "a", .key = {Type::kIpv4}});
    all.add_elements(kTable, "a", elements);
  });
  CHECK(elements_of(ruleset.socket, kTable, "a").size() == kCount);
  ruleset.commit([&](Transaction& all) { all.remove_elements(kTable, "a", keys); });
  CHECK(elements_of(ruleset.socket, kTable, "a").empty());
}

TEST_CASE("a transaction is refused where the ruleset is no longer the expected one") {
  Ruleset ruleset;
  const auto before = generation(ruleset.socket);
  const auto add_table = [&](const char* name) {
    Transaction transaction;
    transaction.add_table({.family = TableFamily::kInet, .name = name});
    transaction.expect(before);
    transaction.commit(ruleset.socket);
  };
  add_table("one");
  CHECK(generation(ruleset.socket) != before);
  CHECK(error_of([&] { add_table("two"); }) == ERESTART);
  CHECK(ruleset.list() == "table inet one {\n}");
}
