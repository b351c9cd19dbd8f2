#include "base/mac_address.h"

#include <algorithm>

namespace base {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
  return std::nullopt;
}

// How many digits stand between two separators: two in "aa:bb:...", four in "aabb.cc...".
std::optional<std::size_t> group_length(std::string_view text) {
  if (text.size() == 17 && (text[2] == ':' || text[2] == '-')) return 2;
  if (text.size() == 14 && text[4] == '.') return 4;
  return std::nullopt;
}

}  // namespace

std::optional<MacAddress> MacAddress::from_bytes(std::span<const std::uint8_t> bytes) {
  MacAddress mac;
  if (bytes.size() != mac.bytes_.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), mac.bytes_.begin());
  return mac;
}

std::optional<MacAddress> MacAddress::parse(std::string_view text) {
  const auto group = group_length(text);
  if (!group) return std::nullopt;
  const char separator = text[*group];
  MacAddress mac;
  std::size_t digits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i % (*group + 1) == *group) {
      if (text[i] != separator) return std::nullopt;
      continue;
    }
    const auto digit = hex_digit(text[i]);
    if (!digit) return std::nullopt;
    auto& byte = mac.bytes_[digits / 2];
    byte = static_cast<std::uint8_t>(byte * 16 + *digit);
    ++digits;
  }
  return mac;
}

MacAddress MacAddress::locally_administered(std::span<const std::uint8_t, 6> seed) {
  // IEEE 802, 8.2: of the first byte, bit 0 marks a group address and bit 1 one of local meaning.
  MacAddress mac;
  std::copy(seed.begin(), seed.end(), mac.bytes_.begin());
  mac.bytes_[0] = static_cast<std::uint8_t>((mac.bytes_[0] & 0xfcU) | 0x02U);
  return mac;
}

std::string MacAddress::to_string() const {
  std::string text;
  text.reserve(17);
  for (const std::uint8_t byte : bytes_) {
    if (!text.empty()) text += ':';
    text += kHex[byte >> 4U];
    text += kHex[byte & 15U];
  }
  return text;
}

bool MacAddress::is_usable() const noexcept {
  const bool is_group = (bytes_[0] & 1U) != 0;
  const bool is_zero = std::all_of(bytes_.begin(), bytes_.end(), [](auto b) { return b == 0; });
  return !is_group && !is_zero;
}

IpAddress link_local_of(const MacAddress& mac) {
  const auto& m = mac.bytes();
  const std::array<std::uint8_t, 16> bytes = {
      0xfe, 0x80, 0,    0,    0,    0,    0,   0, static_cast<std::uint8_t>(m[0] ^ 2U),
      m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]};
  return IpAddress::from_bytes(bytes);
}

}  // namespace base
