#include "netlink/nft/value.h"

#include <algorithm>
#include <cstring>

#include <net/if.h>

namespace netlink::nft {
namespace {

Bytes copy(std::span<const std::uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

}  // namespace

std::size_t size_of(Type type) noexcept {
  switch (type) {
    case Type::kIpv4:
    case Type::kLinkGroup:
      return 4;
    case Type::kIpv6:
    case Type::kInteger128:
    case Type::kVerdict:
      return 16;
    case Type::kMac:
      return 6;
    case Type::kProtocol:
      return 1;
    case Type::kPort:
      return 2;
    case Type::kInterface:
      return IFNAMSIZ;
  }
  return 0;
}

Bytes value_of(const base::IpAddress& address) {
  return copy(address.bytes());
}

Bytes value_of(const base::MacAddress& mac) {
  return copy(mac.bytes());
}

Bytes interface_value(std::string_view name) {
  Bytes bytes(IFNAMSIZ);
  const std::string_view cut = name.substr(0, IFNAMSIZ - 1);
  std::copy(cut.begin(), cut.end(), bytes.begin());
  return bytes;
}

Bytes protocol_value(std::uint8_t protocol) {
  return {protocol};
}

Bytes port_value(std::uint16_t port) {
  return {static_cast<std::uint8_t>(port >> 8U), static_cast<std::uint8_t>(port & 0xffU)};
}

Bytes number_value(std::uint32_t number) {
  Bytes bytes(sizeof number);
  std::memcpy(bytes.data(), &number, sizeof number);
  return bytes;
}

Bytes concatenate(std::initializer_list<Bytes> fields) {
  Bytes all;
  for (const Bytes& field : fields) {
    all.insert(all.end(), field.begin(), field.end());
    all.resize((all.size() + 3) / 4 * 4);
  }
  return all;
}

}  // namespace netlink::nft
