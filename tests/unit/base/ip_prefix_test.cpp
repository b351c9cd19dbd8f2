#include "base/ip_prefix.h"

#include <string>

#include "catch2_any.h"

using base::IpAddress;
using base::IpPrefix;

namespace {

IpPrefix prefix(const std::string& text) {
  const auto parsed = IpPrefix::parse(text);
  INFO(text);
  REQUIRE(parsed.has_value());
  return *parsed;
}

}  // namespace

TEST_CASE("a prefix keeps its host bits and knows its network and its last address") {
  struct Row {
    const char* text;
    const char* printed;
    const char* network;
    const char* last;
  };
  const auto row = GENERATE(
      Row{"10.88.3.5/16", "10.88.3.5/16", "10.88.0.0/16", "10.88.255.255"},
      Row{"10.88.3.5/30", "10.88.3.5/30", "10.88.3.4/30", "10.88.3.7"},
      Row{"10.88.3.5/32", "10.88.3.5/32", "10.88.3.5/32", "10.88.3.5"},
      Row{"10.88.3.5/0", "10.88.3.5/0", "0.0.0.0/0", "255.255.255.255"},
      Row{"10.0.0.1/024", "10.0.0.1/24", "10.0.0.0/24", "10.0.0.255"},
      Row{"::ffff:10.9.1.9/120", "10.9.1.9/24", "10.9.1.0/24", "10.9.1.255"},
      Row{"::ffff:10.9.1.9/96", "10.9.1.9/0", "0.0.0.0/0", "255.255.255.255"},
      Row{"2001:db8::5/64", "2001:db8::5/64", "2001:db8::/64", "2001:db8::ffff:ffff:ffff:ffff"},
      Row{"2001:db8::ff/121", "2001:db8::ff/121", "2001:db8::80/121", "2001:db8::ff"},
      Row{"::/0", "::/0", "::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
      Row{"fd00::1/128", "fd00::1/128", "fd00::1/128", "fd00::1"});
  const auto parsed = prefix(row.text);
  CHECK(parsed.to_string() == row.printed);
  CHECK(parsed.network().to_string() == row.network);
  CHECK(parsed.last().to_string() == row.last);
}

TEST_CASE("what Go's ParseCIDR refuses is no prefix") {
  const std::string text = GENERATE(
      "", "10.0.0.0", "10.0.0.0/", "/24", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8",
      "10.0.0.0/8 ", "10.0.0.0/8/8", "10.0.0.0/a", "10.0.0/8", "10.0.0.0/99999999999999999999",
      "::1/129", "fe80::1%eth0/64", "010.0.0.0/8", "::ffff:10.0.0.0/95");
  CHECK_FALSE(IpPrefix::parse(text).has_value());
}

TEST_CASE("a prefix contains the addresses of its network") {
  CHECK(prefix("10.88.3.5/16").contains(*IpAddress::parse("10.88.255.255")));
  CHECK(prefix("10.88.3.5/16").contains(*IpAddress::parse("10.88.0.0")));
  CHECK_FALSE(prefix("10.88.3.5/16").contains(*IpAddress::parse("10.89.0.0")));
  CHECK(prefix("0.0.0.0/0").contains(*IpAddress::parse("203.0.113.1")));
  CHECK_FALSE(prefix("0.0.0.0/0").contains(*IpAddress::parse("2001:db8::1")));
  CHECK_FALSE(prefix("::/0").contains(*IpAddress::parse("10.0.0.1")));
  CHECK(prefix("2001:db8::/33").contains(*IpAddress::parse("2001:db8:7fff::1")));
  CHECK_FALSE(prefix("2001:db8::/33").contains(*IpAddress::parse("2001:db8:8000::1")));
}

TEST_CASE("prefixes overlap when one contains the other") {
  CHECK(prefix("10.0.0.0/8").overlaps(prefix("10.1.0.0/16")));
  CHECK(prefix("10.1.0.0/16").overlaps(prefix("10.0.0.0/8")));
  CHECK(prefix("10.1.2.3/16").overlaps(prefix("10.1.9.9/16")));
  CHECK_FALSE(prefix("10.0.0.0/16").overlaps(prefix("10.1.0.0/16")));
  CHECK_FALSE(prefix("0.0.0.0/0").overlaps(prefix("::/0")));
}

TEST_CASE("a prefix knows whether it is a host, a default route, a subnet with host bits") {
  CHECK(prefix("10.0.0.1/32").is_host());
  CHECK(prefix("fd00::1/128").is_host());
  CHECK_FALSE(prefix("fd00::1/32").is_host());
  CHECK(IpPrefix::host(*IpAddress::parse("fd00::1")) == prefix("fd00::1/128"));
  CHECK(prefix("0.0.0.0/0").is_default());
  CHECK_FALSE(prefix("10.0.0.0/8").is_default());
  CHECK(prefix("10.0.0.1/24").has_host_bits());
  CHECK_FALSE(prefix("10.0.0.0/24").has_host_bits());
}
