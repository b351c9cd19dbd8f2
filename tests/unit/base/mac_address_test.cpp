#include "base/mac_address.h"

#include <string>
#include <vector>

#include "catch2_any.h"

using base::MacAddress;

TEST_CASE("a MAC address is read in Go's three forms and printed as the kernel does") {
  const std::string text = GENERATE("0a:1b:2c:3d:4e:5f", "0A:1B:2C:3D:4E:5F", "0a-1b-2c-3d-4e-5f",
                                    "0a1b.2c3d.4e5f", "0A1B.2c3D.4E5f");
  const auto mac = MacAddress::parse(text);
  REQUIRE(mac.has_value());
  CHECK(mac->to_string() == "0a:1b:2c:3d:4e:5f");
}

TEST_CASE("other forms are no MAC address") {
  const std::string text =
      GENERATE("", "0a:1b:2c:3d:4e", "0a:1b:2c:3d:4e:5f:60:71", "a:1b:2c:3d:4e:5f",
               "0a:1b:2c-3d:4e:5f", "0a:1b:2c:3d:4e:5g", "0a1b2c3d4e5f", "0a1b.2c3d.4e5f.6071",
               "0a1b:2c3d:4e5f", "0a1b.2c3d-4e5f", " 0a:1b:2c:3d:4e:5f", "0a:1b:2c:3d:4e:5f ",
               "0a:1b:2c:3d:4e:", "0a:1b:2c:3d:4e:+5");
  CHECK_FALSE(MacAddress::parse(text).has_value());
}

TEST_CASE("a MAC address has six bytes") {
  const std::vector<std::uint8_t> six{2, 0, 0, 0, 0, 1};
  const std::vector<std::uint8_t> five{2, 0, 0, 0, 0};
  const std::vector<std::uint8_t> eight{2, 0, 0, 0, 0, 0, 0, 1};
  CHECK(MacAddress::from_bytes(six) == MacAddress::parse("02:00:00:00:00:01"));
  CHECK_FALSE(MacAddress::from_bytes(five).has_value());
  CHECK_FALSE(MacAddress::from_bytes(eight).has_value());
}

TEST_CASE("a made-up MAC address is local and no group's, and keeps the rest of its seed") {
  const std::array<std::uint8_t, 6> seed{0xff, 0xfe, 3, 4, 5, 6};
  const auto mac = MacAddress::locally_administered(seed);
  CHECK(mac.to_string() == "fe:fe:03:04:05:06");
  CHECK(MacAddress::locally_administered(std::array<std::uint8_t, 6>{}).to_string() ==
        "02:00:00:00:00:00");
}

TEST_CASE("a device takes neither a multicast nor a zero MAC address") {
  CHECK(MacAddress::parse("02:00:00:00:00:01")->is_usable());
  CHECK_FALSE(MacAddress::parse("01:00:5e:00:00:01")->is_usable());
  CHECK_FALSE(MacAddress::parse("ff:ff:ff:ff:ff:ff")->is_usable());
  CHECK_FALSE(MacAddress().is_usable());
}
