#include "base/ip_address.h"

#include <limits>
#include <string>

#include "catch2_any.h"

using base::Family;
using base::IpAddress;

namespace {

IpAddress ip(const std::string& text) {
  const auto address = IpAddress::parse(text);
  INFO(text);
  REQUIRE(address.has_value());
  return *address;
}

}  // namespace

TEST_CASE("an address prints as Go's net.IP prints it") {
  struct Row {
    const char* text;
    const char* printed;
    Family family;
  };
  const auto row = GENERATE(
      Row{"0.0.0.0", "0.0.0.0", Family::kIpv4}, Row{"10.1.0.5", "10.1.0.5", Family::kIpv4},
      Row{"255.255.255.255", "255.255.255.255", Family::kIpv4},
      Row{"::ffff:10.9.1.9", "10.9.1.9", Family::kIpv4},
      Row{"::FFFF:0a09:0109", "10.9.1.9", Family::kIpv4},
      Row{"0:0:0:0:0:ffff:1.2.3.4", "1.2.3.4", Family::kIpv4}, Row{"::", "::", Family::kIpv6},  //
      Row{"::1", "::1", Family::kIpv6}, Row{"1::", "1::", Family::kIpv6},
      Row{"::1.2.3.4", "::102:304", Family::kIpv6},
      Row{"64:ff9b::1.2.3.4", "64:ff9b::102:304", Family::kIpv6},
      Row{"2001:DB8::00a", "2001:db8::a", Family::kIpv6},
      Row{"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", Family::kIpv6},
      Row{"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304", Family::kIpv6},
      Row{"1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8", Family::kIpv6},
      Row{"1::3:4:5:6:7:8", "1:0:3:4:5:6:7:8", Family::kIpv6},
      Row{"1:0:0:4:0:0:7:8", "1::4:0:0:7:8", Family::kIpv6},
      Row{"1:0:0:4:0:0:0:8", "1:0:0:4::8", Family::kIpv6}, Row{"0:0:1::", "0:0:1::", Family::kIpv6},
      Row{"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8", Family::kIpv6},
      Row{"fe80::1000:0:0", "fe80::1000:0:0", Family::kIpv6});
  const auto address = ip(row.text);
  CHECK(address.to_string() == row.printed);
  CHECK(address.family() == row.family);
}

TEST_CASE("what Go's ParseIP refuses is no address") {
  const std::string text =
      GENERATE("", " ", "1", "1.2.3", "1.2.3.4.5", "1.2.3.4 ", " 1.2.3.4", "1.2.3.", ".1.2.3",
               "1..2.3", "256.1.1.1", "1.2.3.1000", "10.09.1.2", "00.1.2.3", "1.2.3.04",
               "0x1.2.3.4", "-1.2.3.4", "1.2.3.4/24", "1.2.3.4%eth0", "fe80::1%eth0", ":",
               ":::", "::1::", "1:::2", "1:2", "1:", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7",
               "1:2:3:4:5:6:7:", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8:", "1:2:3:4:5:6:7::8",
               "1:2:3:4:5:6:7:8::", "12345::", "::g", "::1.2.3", "::1.2.3.04", "::1.2.3.4:5",
               "1:2:3:4:5:6:7:1.2.3.4", "1.2.3.4::", "::ffff:1.2.3.256", "[::1]");
  CHECK_FALSE(IpAddress::parse(text).has_value());
}

TEST_CASE("an address of bytes is the address of its text") {
  const std::array<std::uint8_t, 4> four{10, 1, 0, 5};
  const std::array<std::uint8_t, 16> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 0, 5};
  const std::array<std::uint8_t, 16> sixteen{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0,
                                             0,    0, 0,   0,    0, 0, 0, 9};
  CHECK(IpAddress::from_bytes(four) == ip("10.1.0.5"));
  CHECK(IpAddress::from_bytes(mapped) == ip("10.1.0.5"));
  CHECK(IpAddress::from_bytes(sixteen) == ip("2001:db8::9"));
  CHECK(IpAddress::from_bytes(sixteen).bytes().size() == 16);
  CHECK(ip("10.1.0.5").bytes().size() == 4);
  CHECK(IpAddress() == ip("0.0.0.0"));
}

TEST_CASE("addresses sort by family, then by number") {
  CHECK(ip("9.255.255.255") < ip("10.0.0.0"));
  CHECK(ip("10.0.0.2") < ip("10.0.0.10"));
  CHECK(ip("255.255.255.255") < ip("::"));
  CHECK(ip("2001:db8::ff") < ip("2001:db8::100"));
  CHECK(ip("0.0.0.0") != ip("::"));
}

TEST_CASE("adding to an address carries, and wraps at the end of the family") {
  struct Row {
    const char* from;
    std::uint64_t distance;
    const char* to;
  };
  const auto row =
      GENERATE(Row{"10.0.0.255", 1, "10.0.1.0"}, Row{"10.0.0.0", 65536, "10.1.0.0"},
               Row{"255.255.255.255", 1, "0.0.0.0"},
               Row{"2001:db8::ffff:ffff:ffff:ffff", 1, "2001:db8:0:1::"},
               Row{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1, "::"},
               Row{"2001:db8::2", std::numeric_limits<std::uint64_t>::max(), "2001:db8:0:1::1"});
  CHECK(ip(row.from).plus(row.distance) == ip(row.to));
  CHECK(ip(row.from).plus(0) == ip(row.from));
  CHECK(ip(row.from).next().previous() == ip(row.from));
}

TEST_CASE("the address before the first of a family is its last") {
  CHECK(ip("0.0.0.0").previous() == ip("255.255.255.255"));
  CHECK(ip("::").previous() == ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
  CHECK(ip("10.1.0.0").previous() == ip("10.0.255.255"));
}

TEST_CASE("the distance between addresses saturates") {
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  CHECK(ip("10.0.0.1").distance_to(ip("10.0.1.0")) == 255);
  CHECK(ip("10.0.0.1").distance_to(ip("10.0.0.1")) == 0);
  CHECK(ip("10.0.0.2").distance_to(ip("10.0.0.1")) == 0);
  CHECK(ip("0.0.0.0").distance_to(ip("255.255.255.255")) == 0xffffffffU);
  CHECK(ip("2001:db8::ffff:ffff:ffff:ffff").distance_to(ip("2001:db8:0:1::1")) == 2);
  CHECK(ip("2001:db8::").distance_to(ip("2001:db8::ffff:ffff:ffff:ffff")) == kMax);
  CHECK(ip("2001:db8::").distance_to(ip("2001:db8:0:1::")) == kMax);
}

TEST_CASE("arithmetic keeps the family of an address") {
  // The last address of ::/80 has the bytes of an IPv4-mapped one.
  const auto last = ip("::").with_host_bits(80, true);
  CHECK(last.is_v6());
  CHECK(last.with_host_bits(80, false) == ip("::"));
}

TEST_CASE("the special addresses are told apart") {
  struct Row {
    const char* text;
    bool unspecified, loopback, multicast, link_local;
  };
  const auto row = GENERATE(
      Row{"0.0.0.0", true, false, false, false}, Row{"::", true, false, false, false},
      Row{"127.0.0.1", false, true, false, false}, Row{"127.255.1.9", false, true, false, false},
      Row{"::1", false, true, false, false}, Row{"224.0.0.1", false, false, true, false},
      Row{"239.1.2.3", false, false, true, false}, Row{"240.0.0.1", false, false, false, false},
      Row{"ff02::1", false, false, true, false}, Row{"169.254.1.1", false, false, false, true},
      Row{"169.253.1.1", false, false, false, false}, Row{"fe80::1", false, false, false, true},
      Row{"febf::1", false, false, false, true}, Row{"fec0::1", false, false, false, false},
      Row{"10.0.0.1", false, false, false, false}, Row{"::2", false, false, false, false});
  const auto address = ip(row.text);
  INFO(row.text);
  CHECK(address.is_unspecified() == row.unspecified);
  CHECK(address.is_loopback() == row.loopback);
  CHECK(address.is_multicast() == row.multicast);
  CHECK(address.is_link_local() == row.link_local);
}

TEST_CASE("messages name the family") {
  CHECK(base::family_name(Family::kIpv4) == "IPv4");
  CHECK(base::family_name(Family::kIpv6) == "IPv6");
}
