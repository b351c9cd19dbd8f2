#include <array>

#include <catch2_any.h>
#include <netinet/in.h>

#include "netlink/nft/value.h"

using namespace netlink::nft;

namespace {

Bytes of(const char* address) {
  return value_of(*base::IpAddress::parse(address));
}

}  // namespace

TEST_CASE("values are printed as nft prints them") {
  CHECK(to_string(Type::kIpv4, of("10.88.0.2")) == "10.88.0.2");
  CHECK(to_string(Type::kIpv6, of("fd00:88::2")) == "fd00:88::2");
  CHECK(to_string(Type::kMac, {2, 0, 0, 0, 0, 0x0a}) == "02:00:00:00:00:0a");
  CHECK(to_string(Type::kProtocol, protocol_value(IPPROTO_TCP)) == "tcp");
  CHECK(to_string(Type::kProtocol, protocol_value(IPPROTO_UDP)) == "udp");
  CHECK(to_string(Type::kProtocol, protocol_value(IPPROTO_SCTP)) == "sctp");
  CHECK(to_string(Type::kProtocol, protocol_value(253)) == "253");
  CHECK(to_string(Type::kPort, port_value(65'280)) == "65280");
  CHECK(to_string(Type::kLinkGroup, number_value(1'073'741'824)) == "1073741824");
  CHECK(to_string(Type::kInterface, interface_value("veth0")) == "\"veth0\"");
  CHECK(to_string(Type::kInteger128, of("fd00:88::2")) == "0xfd000088000000000000000000000002");
}

TEST_CASE("a concatenation is printed field by field") {
  constexpr std::array kPort = {Type::kProtocol, Type::kPort};
  CHECK(to_string(kPort, concatenate({protocol_value(IPPROTO_UDP), port_value(53)})) == "udp . 53");
  constexpr std::array kPair = {Type::kInterface, Type::kIpv6, Type::kIpv6};
  CHECK(to_string(kPair, concatenate({interface_value("pcbr0"), of("fd00::1"), of("::")})) ==
        "\"pcbr0\" . fd00::1 . ::");
  constexpr std::array kOne = {Type::kIpv4};
  CHECK(to_string(kOne, of("10.0.0.1")) == "10.0.0.1");
}

TEST_CASE("what is shorter than its type is printed as far as it goes") {
  constexpr std::array kPort = {Type::kProtocol, Type::kPort};
  CHECK(to_string(kPort, {6}) == "tcp . ");
  CHECK(to_string(Type::kIpv4, {10, 0}).empty());
  CHECK(to_string(Type::kMac, {2}).empty());
  CHECK(to_string(Type::kInterface, {'v', '0'}) == "\"v0\"");
}
