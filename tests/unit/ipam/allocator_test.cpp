#include "ipam/allocator.h"

#include <map>
#include <string>
#include <vector>

#include "catch2_any.h"
#include "ipam/addresses.h"
#include "ipam/error.h"
#include "ipam/memory_store.h"

using base::IpAddress;
using ipam::Owner;
using ipam::RangeSet;
using test::ip;
using test::ips;
using test::MemoryStore;
using test::range;

namespace {

const Owner kPod{"pod", "eth0"};

std::vector<std::string> texts(const std::vector<ipam::Allocation>& allocations) {
  std::vector<std::string> result;
  result.reserve(allocations.size());
  for (const auto& allocation : allocations) result.push_back(allocation.address.to_string());
  return result;
}

std::string allocate_one(MemoryStore& store, const RangeSet& set, const Owner& owner = kPod) {
  return texts(ipam::allocate(store, {.owner = owner, .sets = {set}, .requested = {}})).at(0);
}

}  // namespace

TEST_CASE("allocation goes round the set, from behind the last reservation") {
  struct Row {
    const char* what;
    RangeSet set;
    const char* last;
    std::vector<const char*> taken;
    const char* given;
  };
  const RangeSet small{range("10.1.0.0/29")};  // .1 to .6, the gateway .1
  const RangeSet two{range("10.1.0.0/29"), range("10.2.0.0/29")};
  const auto row = GENERATE_REF(
      Row{"nothing taken: the first behind the gateway", small, "", {}, "10.1.0.2/29"},
      Row{"the next one", small, "10.1.0.3", {}, "10.1.0.4/29"},
      Row{"a released address rests", small, "10.1.0.4", {"10.1.0.4"}, "10.1.0.5/29"},
      Row{"taken ones are passed over", small, "10.1.0.3", {"10.1.0.4", "10.1.0.5"}, "10.1.0.6/29"},
      Row{"around the end, over the gateway", small, "10.1.0.6", {}, "10.1.0.2/29"},
      Row{"around the end to what is free",
          small,
          "10.1.0.5",
          {"10.1.0.6", "10.1.0.2"},
          "10.1.0.3/29"},
      Row{"the last reserved is tried last",
          small,
          "10.1.0.4",
          {"10.1.0.2", "10.1.0.3", "10.1.0.5", "10.1.0.6"},
          "10.1.0.4/29"},
      Row{"a last reserved of no range counts for nothing", small, "10.9.0.4", {}, "10.1.0.2/29"},
      Row{"the gateway as last reserved", small, "10.1.0.1", {}, "10.1.0.2/29"},
      Row{"on to the next range", two, "10.1.0.6", {}, "10.2.0.2/29"},
      Row{"on within the second range", two, "10.2.0.3", {}, "10.2.0.4/29"},
      Row{"from the last range to the first", two, "10.2.0.6", {}, "10.1.0.2/29"},
      Row{"the end of the family is no way out",
          {range("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0/124")},
          "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
          {},
          "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff2/124"});
  INFO(row.what);
  MemoryStore store;
  if (*row.last != '\0') store.last[0] = ip(row.last);
  for (const char* address : row.taken) store.take({address});
  const std::string given = allocate_one(store, row.set);
  CHECK(given == row.given);
  CHECK(store.last[0].to_string() + given.substr(given.find('/')) == given);
}

TEST_CASE("every address of a set is given once, the gateways never") {
  MemoryStore store;
  const RangeSet set{range("10.1.0.0/29"), range("10.2.0.0/29", "10.2.0.1", "10.2.0.3")};
  std::vector<std::string> given;
  for (std::size_t i = 0; i < ipam::capacity(set); ++i) {
    given.push_back(allocate_one(store, set, {"pod" + std::to_string(i), "eth0"}));
  }
  CHECK(given == std::vector<std::string>{"10.1.0.2/29", "10.1.0.3/29", "10.1.0.4/29",
                                          "10.1.0.5/29", "10.1.0.6/29", "10.2.0.2/29",
                                          "10.2.0.3/29"});
  CHECK_THROWS_WITH(allocate_one(store, set),
                    "no IP addresses available in range set 0 (10.1.0.1-10.1.0.6, "
                    "10.2.0.1-10.2.0.3): all 7 are reserved");
  CHECK_THROWS_AS(allocate_one(store, set), ipam::Exhausted);
}

TEST_CASE("a range of nothing but its gateway says so") {
  MemoryStore store;
  CHECK_THROWS_WITH(
      allocate_one(store, {range("10.1.0.0/29", "10.1.0.1", "10.1.0.1")}),
      "no IP addresses available in range set 0 (10.1.0.1-10.1.0.1): it has none but the gateway");
}

TEST_CASE("a gateway of another range is an address like any") {
  MemoryStore store;
  ipam::Range odd = range("10.2.0.0/29");
  odd.gateway = ip("10.1.0.2");
  CHECK(allocate_one(store, {range("10.1.0.0/29"), odd}) == "10.1.0.2/29");
}

TEST_CASE("the reservations are read anew before a range is called exhausted") {
  MemoryStore store;
  store.take({"10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5"});
  store.hidden[ip("10.1.0.6")] = {};
  CHECK(allocate_one(store, {range("10.1.0.0/29")}) == "10.1.0.6/29");
  CHECK(store.looks == 1);
}

TEST_CASE("one address comes from each set, with its range's subnet and gateway") {
  MemoryStore store;
  const auto given = ipam::allocate(
      store,
      {.owner = kPod, .sets = {{range("10.1.0.0/16")}, {range("2001:db8::/64")}}, .requested = {}});
  CHECK(texts(given) == std::vector<std::string>{"10.1.0.2/16", "2001:db8::2/64"});
  CHECK(given[0].gateway == ip("10.1.0.1"));
  CHECK(given[1].gateway == ip("2001:db8::1"));
  CHECK(given[1].set == 1);
  CHECK(store.last.at(0) == ip("10.1.0.2"));
  CHECK(store.last.at(1) == ip("2001:db8::2"));
  CHECK(store.held_by(kPod) == ips({"10.1.0.2", "2001:db8::2"}));
}

TEST_CASE("requested IP addresses are given from the sets that they lie in") {
  MemoryStore store;
  const auto given =
      ipam::allocate(store, {.owner = kPod,
                             .sets = {{range("10.1.0.0/24")}, {range("2001:db8::/64")}},
                             .requested = ips({"2001:db8::77"})});
  CHECK(texts(given) == std::vector<std::string>{"10.1.0.2/24", "2001:db8::77/64"});
  CHECK(store.last.at(1) == ip("2001:db8::77"));
}

TEST_CASE("a request that cannot be served is refused, says why, and leaves no trace") {
  struct Row {
    std::vector<IpAddress> requested;
    const char* message;
  };
  const auto row =
      GENERATE(Row{ips({"10.9.0.1"}),
                   "requested IP address 10.9.0.1 lies in none of the ranges: 10.1.0.1-10.1.0.6, "
                   "10.2.0.1-10.2.0.6"},
               Row{ips({"10.1.0.1"}),
                   "requested IP address 10.1.0.1 is the gateway of set 0 (10.1.0.1-10.1.0.6)"},
               Row{ips({"10.1.0.2", "10.1.0.3"}),
                   "requested IP addresses 10.1.0.2 and 10.1.0.3 both lie in set 0 "
                   "(10.1.0.1-10.1.0.6), which "
                   "gives one"},
               Row{ips({"10.1.0.4", "10.2.0.5"}),
                   "requested IP address 10.2.0.5 is not available: it is taken by container "
                   "other, interface eth0"},
               Row{ips({"10.2.0.4"}),
                   "requested IP address 10.2.0.4 is not available: it is taken by container old"},
               Row{ips({"10.2.0.3"}),
                   "requested IP address 10.2.0.3 is not available: it is taken by an unfinished "
                   "reservation without an owner"});
  MemoryStore store;
  store.take({"10.2.0.5"});
  store.reserved[ip("10.2.0.4")] = {"old", ""};
  store.reserved[ip("10.2.0.3")] = {};
  store.last[0] = ip("10.1.0.5");
  const auto before = store.reserved;
  const ipam::Request request{.owner = kPod,
                              .sets = {{range("10.1.0.0/29")}, {range("10.2.0.0/29")}},
                              .requested = row.requested};
  CHECK_THROWS_WITH(ipam::allocate(store, request), row.message);
  CHECK_THROWS_AS(ipam::allocate(store, request), ipam::Conflict);
  CHECK(store.reserved == before);
  CHECK(store.last == std::map<std::size_t, IpAddress>{{0, ip("10.1.0.5")}});
}

TEST_CASE("one owner gets no second address of a set, and keeps the first") {
  MemoryStore store;
  store.reserved[ip("10.2.0.5")] = kPod;
  const auto before = store.reserved;
  // Set 0 could be served, and must not be: the reference lost both here.
  const auto requested = GENERATE(ips({}), ips({"10.1.0.3"}), ips({"10.2.0.6"}), ips({"10.2.0.5"}));
  const ipam::Request request{.owner = kPod,
                              .sets = {{range("10.1.0.0/29")}, {range("10.2.0.0/29")}},
                              .requested = requested};
  CHECK_THROWS_WITH(
      ipam::allocate(store, request),
      "container pod, interface eth0 already holds 10.2.0.5 of set 1 (10.2.0.1-10.2.0.6); a "
      "duplicate allocation is not allowed");
  CHECK_THROWS_AS(ipam::allocate(store, request), ipam::Conflict);
  CHECK(store.reserved == before);
}

TEST_CASE("another interface of a container, or another network's address, is no second one") {
  MemoryStore store;
  store.reserved[ip("10.1.0.2")] = {"pod", "eth1"};
  store.reserved[ip("10.7.0.2")] = kPod;
  CHECK(allocate_one(store, {range("10.1.0.0/29")}) == "10.1.0.3/29");
}

TEST_CASE("a failure in a later set takes back exactly what this call reserved") {
  MemoryStore store;
  store.reserved[ip("10.7.0.2")] = kPod;  // of a range that is configured no more
  store.last[0] = ip("10.1.0.4");
  const ipam::Request request{
      .owner = kPod,
      .sets = {{range("10.1.0.0/29")}, {range("10.2.0.0/30", "10.2.0.2", "10.2.0.2")}},
      .requested = {}};
  SECTION("an exhausted set") {
    store.take({"10.2.0.2"});
    CHECK_THROWS_AS(ipam::allocate(store, request), ipam::Exhausted);
  }
  SECTION("a store that fails to reserve") {
    store.broken = ip("10.2.0.2");
    CHECK_THROWS_WITH(ipam::allocate(store, request), "disk full");
  }
  SECTION("a store that fails to note the round robin") {
    store.broken_set = 1;
    CHECK_THROWS_WITH(ipam::allocate(store, request), "disk full");
  }
  CHECK(store.held_by(kPod) == ips({"10.7.0.2"}));
  CHECK(store.last.at(0) == ip("10.1.0.4"));
}

TEST_CASE("undoing an allocation puts the round robin back unless it has moved on") {
  MemoryStore store;
  const RangeSet set{range("10.1.0.0/29")};
  const ipam::Request request{.owner = kPod, .sets = {set}, .requested = {}};
  SECTION("to where it was") {
    store.last[0] = ip("10.1.0.4");
    ipam::undo(store, kPod, ipam::allocate(store, request));
    CHECK(store.last.at(0) == ip("10.1.0.4"));
  }
  SECTION("to nowhere") {
    ipam::undo(store, kPod, ipam::allocate(store, request));
    CHECK(store.last.empty());
  }
  SECTION("not at all") {
    const auto allocations = ipam::allocate(store, request);
    (void)allocate_one(store, set, {"another", "eth0"});
    ipam::undo(store, kPod, allocations);
    CHECK(store.last.at(0) == ip("10.1.0.3"));
  }
  CHECK(store.held_by(kPod).empty());
}

TEST_CASE("undoing an allocation leaves an address alone that has changed hands") {
  MemoryStore store;
  const auto allocations =
      ipam::allocate(store, {.owner = kPod, .sets = {{range("10.1.0.0/29")}}, .requested = {}});
  store.reserved[ip("10.1.0.2")] = {"other", "eth0"};
  ipam::undo(store, kPod, allocations);
  CHECK(store.reserved.size() == 1);
}

TEST_CASE("release gives back all that the owner holds and nothing else, and can be repeated") {
  MemoryStore store;
  store.take({"10.1.0.3"});
  store.reserved[ip("10.1.0.2")] = kPod;
  store.reserved[ip("2001:db8::2")] = kPod;
  CHECK(ipam::release(store, kPod) == ips({"10.1.0.2", "2001:db8::2"}));
  CHECK(ipam::release(store, kPod).empty());
  CHECK(store.reserved.size() == 1);
}

TEST_CASE("a set with an address to give is told from one without") {
  struct Row {
    const char* what;
    RangeSet set;
    std::vector<const char*> taken;
    bool is_free;
  };
  const RangeSet four{range("10.1.0.0/30")};  // .2 and the gateway .1
  const RangeSet two{range("10.1.0.0/30"), range("10.2.0.0/30")};
  const auto row = GENERATE_REF(
      Row{"nothing taken", four, {}, true}, Row{"all but the gateway", four, {"10.1.0.2"}, false},
      Row{"one left in the second range", two, {"10.1.0.2"}, true},
      Row{"none left in either", two, {"10.1.0.2", "10.2.0.2"}, false},
      Row{"the gateway alone", {range("10.1.0.0/30", "10.1.0.1", "10.1.0.1")}, {}, false},
      Row{"the gateway last",
          {ipam::make_range({.subnet = test::prefix("10.1.0.0/30"),
                             .start = {},
                             .end = {},
                             .gateway = ip("10.1.0.2")})},
          {"10.1.0.1"},
          false});
  INFO(row.what);
  MemoryStore store;
  for (const char* address : row.taken) store.take({address});
  const auto before = store.reserved;
  if (row.is_free) {
    CHECK_NOTHROW(ipam::require_free(store, {row.set}));
  } else {
    CHECK_THROWS_AS(ipam::require_free(store, {row.set}), ipam::Exhausted);
  }
  CHECK(store.reserved == before);
}

TEST_CASE("before a set is called full, what is reserved is looked at again") {
  MemoryStore store;
  store.hidden[ip("10.1.0.2")] = {};
  CHECK_NOTHROW(ipam::require_free(store, {{range("10.1.0.0/30")}}));
  CHECK(store.looks == 1);
}
