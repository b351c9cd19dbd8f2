#include "netlink/nft/value.h"

#include <algorithm>
#include <cstring>

#include <net/if.h>
#include <netinet/in.h>

namespace netlink::nft {
namespace {

Bytes copy(std::span<const std::uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

// The kernel compares fields in registers of four bytes.
std::size_t filled_up(std::size_t size) {
  return (size + 3) / 4 * 4;
}

std::string name_of_protocol(std::uint8_t protocol) {
  switch (protocol) {
    case IPPROTO_TCP:
      return "tcp";
    case IPPROTO_UDP:
      return "udp";
    case IPPROTO_SCTP:
      return "sctp";
    default:
      return std::to_string(protocol);
  }
}

std::string hexadecimal(const Bytes& value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "0x";
  for (const std::uint8_t byte : value) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 0xfU];
  }
  return text;
}

std::uint32_t number_of(const Bytes& value) {
  std::uint32_t number = 0;
  std::memcpy(&number, value.data(), std::min(value.size(), sizeof number));
  return number;
}

}  // namespace

std::size_t size_of(Type type) noexcept {
  switch (type) {
    case Type::kIpv4:
    case Type::kMark:
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

std::string to_string(Type type, const Bytes& value) {
  switch (type) {
    case Type::kIpv4:
    case Type::kIpv6:
      return value.size() == size_of(type) ? base::IpAddress::from_bytes(value).to_string() : "";
    case Type::kMac: {
      const auto mac = base::MacAddress::from_bytes(value);
      return mac ? mac->to_string() : "";
    }
    case Type::kProtocol:
      return value.empty() ? "" : name_of_protocol(value[0]);
    case Type::kPort:
      return value.size() < 2 ? "" : std::to_string(value[0] << 8U | value[1]);
    case Type::kMark:
    case Type::kLinkGroup:
      return std::to_string(number_of(value));
    case Type::kInterface:
      return "\"" + std::string(value.begin(), std::find(value.begin(), value.end(), 0)) + "\"";
    case Type::kInteger128:
      return hexadecimal(value);
    case Type::kVerdict:
      break;
  }
  return "";
}

std::string to_string(std::span<const Type> types, const Bytes& value) {
  std::string text;
  std::size_t at = 0;
  for (const Type type : types) {
    const auto begin = std::min(at, value.size());
    const auto end = std::min(at + size_of(type), value.size());
    const Bytes field(value.begin() + static_cast<std::ptrdiff_t>(begin),
                      value.begin() + static_cast<std::ptrdiff_t>(end));
    text += (text.empty() ? "" : " . ") + to_string(type, field);
    at += filled_up(size_of(type));
  }
  return text;
}

Bytes concatenate(std::initializer_list<Bytes> fields) {
  Bytes all;
  for (const Bytes& field : fields) {
    all.insert(all.end(), field.begin(), field.end());
    all.resize(filled_up(all.size()));
  }
  return all;
}

}  // namespace netlink::nft
