#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/mac_address.h"

/// Values as nf_tables compares them: bytes as they are in a packet or, of what is no part of one,
/// in the host's order.
namespace netlink::nft {

/// The type of a set's key or data, with nft's number for it (nftables, include/datatype.h): the
/// kernel keeps it for nft, which prints by it.
enum class Type : std::uint32_t {
  kInteger128 = 4,
  kIpv4 = 7,
  kIpv6 = 8,
  kMac = 9,
  kProtocol = 12,  // of the transport layer
  kPort = 13,
  kMark = 19,  // a number in the host's order
  kLinkGroup = 35,
  kInterface = 41,       // by name
  kVerdict = 0xffffff00  // of a verdict map
};

/// In bytes.
[[nodiscard]] std::size_t size_of(Type type) noexcept;

using Bytes = std::vector<std::uint8_t>;

[[nodiscard]] Bytes value_of(const base::IpAddress& address);
[[nodiscard]] Bytes value_of(const base::MacAddress& mac);
/// An interface's name, filled up with zeros to IFNAMSIZ. Longer ones are cut.
[[nodiscard]] Bytes interface_value(std::string_view name);
/// IPPROTO_...
[[nodiscard]] Bytes protocol_value(std::uint8_t protocol);
[[nodiscard]] Bytes port_value(std::uint16_t port);
/// A number in the host's order: a mark, a link's group.
[[nodiscard]] Bytes number_value(std::uint32_t number);

/// As nft prints it: 10.88.0.2, tcp, 80, "veth0". What is shorter than its type is printed as far
/// as it goes.
[[nodiscard]] std::string to_string(Type type, const Bytes& value);
/// The same of a concatenation, which may be of one field: tcp . 80.
[[nodiscard]] std::string to_string(std::span<const Type> types, const Bytes& value);

/// A concatenation: each field is filled up to a multiple of four bytes.
[[nodiscard]] Bytes concatenate(std::initializer_list<Bytes> fields);

}  // namespace netlink::nft
