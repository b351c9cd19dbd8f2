#include "ipam/range.h"

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "catch2_any.h"
#include "ipam/addresses.h"
#include "ipam/error.h"

using ipam::InvalidRange;
using ipam::RangeSpec;
using test::ip;
using test::prefix;
using test::range;

namespace {

std::optional<base::IpAddress> optional_ip(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(ip(text));
}

RangeSpec spec(const std::string& subnet, const std::string& start = "",
               const std::string& end = "", const std::string& gateway = "") {
  return {.subnet = prefix(subnet),
          .start = optional_ip(start),
          .end = optional_ip(end),
          .gateway = optional_ip(gateway)};
}

RangeSpec whole(const std::string& subnet, const std::string& start = "",
                const std::string& end = "", const std::string& gateway = "") {
  RangeSpec made = spec(subnet, start, end, gateway);
  made.whole = true;
  return made;
}

}  // namespace

TEST_CASE("a range's limits and gateway have the reference's defaults") {
  struct Row {
    RangeSpec spec;
    const char* text;
    const char* gateway;
  };
  const auto row = GENERATE(
      Row{spec("10.1.0.0/16"), "10.1.0.1-10.1.255.254", "10.1.0.1"},
      Row{spec("10.1.0.0/30"), "10.1.0.1-10.1.0.2", "10.1.0.1"},
      Row{spec("10.1.0.0/24", "10.1.0.10"), "10.1.0.10-10.1.0.254", "10.1.0.1"},
      Row{spec("10.1.0.0/24", "", "10.1.0.20"), "10.1.0.1-10.1.0.20", "10.1.0.1"},
      Row{spec("10.1.0.0/24", "10.1.0.7", "10.1.0.7"), "10.1.0.7-10.1.0.7", "10.1.0.1"},
      Row{spec("10.1.0.0/24", "10.1.0.0", "10.1.0.255"), "10.1.0.0-10.1.0.255", "10.1.0.1"},
      Row{spec("10.1.0.0/24", "", "", "10.1.0.254"), "10.1.0.1-10.1.0.254", "10.1.0.254"},
      Row{spec("10.1.0.0/24", "", "", "10.9.9.9"), "10.1.0.1-10.1.0.254", "10.9.9.9"},
      Row{spec("10.1.0.6/31"), "10.1.0.6-10.1.0.7", "10.1.0.7"},
      Row{spec("10.1.0.7/32"), "10.1.0.7-10.1.0.7", ""},
      Row{spec("10.1.0.7/32", "", "", "10.9.9.9"), "10.1.0.7-10.1.0.7", "10.9.9.9"},
      Row{spec("2001:db8::6/127"), "2001:db8::6-2001:db8::7", "2001:db8::7"},
      Row{spec("2001:db8::7/128"), "2001:db8::7-2001:db8::7", ""},
      Row{whole("10.1.0.0/24"), "10.1.0.0-10.1.0.255", ""},
      Row{whole("10.1.0.0/24", "10.1.0.255"), "10.1.0.255-10.1.0.255", ""},
      Row{whole("10.1.0.0/24", "", "", "10.1.0.1"), "10.1.0.0-10.1.0.255", "10.1.0.1"},
      Row{whole("2001:db8::/126"), "2001:db8::-2001:db8::3", ""},
      Row{spec("2001:db8::/126"), "2001:db8::1-2001:db8::3", "2001:db8::1"},
      Row{spec("2001:db8::/64"), "2001:db8::1-2001:db8::ffff:ffff:ffff:ffff", "2001:db8::1"},
      Row{spec("2001:db8::/64", "2001:db8::ffff:ffff:ffff:ffff"),
          "2001:db8::ffff:ffff:ffff:ffff-2001:db8::ffff:ffff:ffff:ffff", "2001:db8::1"});
  const auto made = ipam::make_range(row.spec);
  CHECK(made.to_string() == row.text);
  CHECK((made.gateway ? made.gateway->to_string() : "") == row.gateway);
  CHECK(made.subnet == row.spec.subnet);
}

TEST_CASE("a range that cannot be served is refused, and the message names what is wrong") {
  struct Row {
    RangeSpec spec;
    const char* message;
  };
  const auto row = GENERATE(
      Row{spec("10.1.0.5/24"), "subnet 10.1.0.5/24 has host bits set; the subnet is 10.1.0.0/24"},
      Row{spec("10.1.0.0/24", "10.1.1.1"),
          "rangeStart 10.1.1.1 lies outside the subnet 10.1.0.0/24"},
      Row{spec("10.1.0.0/24", "2001:db8::1"),
          "rangeStart 2001:db8::1 lies outside the subnet 10.1.0.0/24"},
      Row{spec("10.1.0.0/24", "", "10.1.1.1"),
          "rangeEnd 10.1.1.1 lies outside the subnet 10.1.0.0/24"},
      Row{spec("10.1.0.0/24", "10.1.0.9", "10.1.0.8"),
          "rangeStart 10.1.0.9 lies behind rangeEnd 10.1.0.8"},
      Row{spec("10.1.0.0/24", "10.1.0.255"),
          "rangeStart 10.1.0.255 is the broadcast address of the subnet 10.1.0.0/24"},
      Row{spec("10.1.0.0/24", "10.1.0.255", "10.1.0.255"),
          "rangeStart 10.1.0.255 is the broadcast address of the subnet 10.1.0.0/24"},
      Row{spec("10.1.0.0/24", "", "", "fe80::1"),
          "gateway fe80::1 is not of the family of subnet 10.1.0.0/24"});
  CHECK_THROWS_WITH(ipam::make_range(row.spec), row.message);
  CHECK_THROWS_AS(ipam::make_range(row.spec), InvalidRange);
}

TEST_CASE("a range contains its limits and what lies between") {
  const auto made = range("10.1.0.0/24", "10.1.0.10", "10.1.0.20");
  CHECK(made.contains(ip("10.1.0.10")));
  CHECK(made.contains(ip("10.1.0.20")));
  CHECK_FALSE(made.contains(ip("10.1.0.9")));
  CHECK_FALSE(made.contains(ip("10.1.0.21")));
  CHECK_FALSE(made.contains(ip("::")));
}

TEST_CASE("a configuration of several sets is validated as a whole") {
  const auto sets = ipam::make_range_sets(
      {{spec("10.1.0.0/24", "", "10.1.0.99"), spec("10.1.0.0/24", "10.1.0.100")},
       {spec("2001:db8::/64")}});
  REQUIRE(sets.size() == 2);
  CHECK(sets[0].size() == 2);
  CHECK(ipam::make_range_sets({}).empty());

  CHECK_THROWS_WITH(ipam::make_range_sets({{}}), "a set of ranges is empty");
  CHECK_THROWS_WITH(ipam::make_range_sets({{spec("10.1.0.0/24"), spec("2001:db8::/64")}}),
                    "subnets 10.1.0.0/24 and 2001:db8::/64 of one set are of different families; "
                    "give each family its own set");
  CHECK_THROWS_WITH(ipam::make_range_sets({{spec("10.1.0.0/24"), spec("10.1.0.128/25")}}),
                    "ranges 10.1.0.1-10.1.0.254 and 10.1.0.129-10.1.0.254 overlap");
  CHECK_THROWS_WITH(ipam::make_range_sets({{spec("10.1.0.128/25")}, {spec("10.1.0.0/24")}}),
                    "ranges 10.1.0.129-10.1.0.254 and 10.1.0.1-10.1.0.254 overlap");
}

TEST_CASE("ranges are told by where they stand") {
  auto subnet = spec("10.1.0.0/24");
  auto range = subnet;
  subnet.place = "ipam.subnet";
  range.place = "ipam.ranges[0][0]";
  CHECK_THROWS_WITH(ipam::make_range_sets({{subnet}, {range}}),
                    "ranges 10.1.0.1-10.1.0.254 (ipam.subnet) and 10.1.0.1-10.1.0.254 "
                    "(ipam.ranges[0][0]) overlap");
  auto odd = spec("10.1.0.5/24");
  odd.place = "ipam.subnet";
  try {
    (void)ipam::make_range(odd);
    FAIL("it has host bits");
  } catch (const InvalidRange& error) {
    CHECK(error.place() == "ipam.subnet");
  }
}

TEST_CASE("a whole range begins where others do") {
  CHECK(ipam::make_range(whole("10.1.0.0/24")).begin_behind == ip("10.1.0.1"));
  CHECK(ipam::make_range(whole("10.1.0.6/31")).begin_behind == ip("10.1.0.7"));
  CHECK_FALSE(ipam::make_range(whole("10.1.0.0/24", "10.1.0.9")).begin_behind);
  CHECK_FALSE(ipam::make_range(whole("10.1.0.7/32")).begin_behind);
  CHECK_FALSE(ipam::make_range(spec("10.1.0.0/24")).begin_behind);
}

TEST_CASE("ranges that touch are told from those that share an address") {
  const auto make = [](const std::string& end, const std::string& start) {
    return ipam::make_range_sets(
        {{spec("10.1.0.0/24", start), spec("10.2.0.0/24")}, {spec("10.1.0.0/24", "", end)}});
  };
  CHECK(make("10.1.0.99", "10.1.0.100").size() == 2);
  CHECK_THROWS_WITH(make("10.1.0.100", "10.1.0.100"),
                    "ranges 10.1.0.100-10.1.0.254 and 10.1.0.1-10.1.0.100 overlap");
}

TEST_CASE("of many ranges the two that overlap are found wherever they stand") {
  std::vector<RangeSpec> specs;
  for (int i = 0; i < 200; ++i)
    specs.push_back(spec("10." + std::to_string(i * 37 % 200) + ".0.0/16"));
  CHECK(ipam::make_range_sets({specs}).front().size() == 200);
  specs.push_back(spec("10.111.8.0/24"));
  CHECK_THROWS_WITH(ipam::make_range_sets({specs}),
                    "ranges 10.111.0.1-10.111.255.254 and 10.111.8.1-10.111.8.254 overlap");
}

TEST_CASE("a set's capacity leaves the gateways out, and saturates") {
  CHECK(ipam::capacity({range("10.1.0.0/24")}) == 253);
  CHECK(ipam::capacity({range("10.1.0.0/30"), range("10.2.0.0/30")}) == 2);
  CHECK(ipam::capacity({range("10.1.0.0/24", "10.1.0.10", "10.1.0.19")}) == 10);
  CHECK(ipam::capacity({range("10.1.0.0/24", "10.1.0.1", "10.1.0.1")}) == 0);
  CHECK(ipam::capacity({range("2001:db8::/64")}) == std::numeric_limits<std::uint64_t>::max() - 1);
  CHECK(ipam::capacity({range("2001:db8::/56")}) == std::numeric_limits<std::uint64_t>::max());
}
