#include "cluster/etcd_keys.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <vector>

namespace cluster::etcd {
namespace {

constexpr std::size_t kHexDigits = 32;

template <typename Number>
std::optional<Number> number_of(std::string_view text, int base) {
  Number number = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number, base);
  if (text.empty() || read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return number;
}

// "010.050.034.000" or 32 hexadecimal digits.
std::optional<base::IpAddress> address_of(std::string_view text) {
  const bool is_v6 = text.size() == kHexDigits;
  const std::size_t digits = is_v6 ? 2 : 3;
  const std::size_t step = is_v6 ? 2 : 4;
  std::vector<std::uint8_t> bytes;
  for (std::size_t at = 0; at < text.size(); at += step) {
    const auto byte = number_of<std::uint8_t>(text.substr(at, digits), is_v6 ? 16 : 10);
    if (!byte) return std::nullopt;
    bytes.push_back(*byte);
  }
  if (bytes.size() != (is_v6 ? 16U : 4U)) return std::nullopt;
  return base::IpAddress::from_bytes(bytes);
}

std::optional<base::IpPrefix> prefix_of(std::string_view text) {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto address = address_of(text.substr(0, dash));
  const auto length = number_of<unsigned>(text.substr(dash + 1), 10);
  if (!address || !length || *length > address->bits()) return std::nullopt;
  return base::IpPrefix(*address, *length);
}

}  // namespace

std::string Keys::block_text(const base::IpPrefix& block) {
  std::string text;
  std::array<char, 4> digits{};
  const bool is_v6 = block.address().is_v6();
  for (const auto byte : block.address().bytes()) {
    (void)std::snprintf(digits.data(), digits.size(), is_v6 ? "%02x" : "%03u", unsigned{byte});
    if (!is_v6 && !text.empty()) text += '.';
    text += digits.data();
  }
  return text + "-" + std::to_string(block.length());
}

std::string Keys::block(const std::string& pool, const base::IpPrefix& block) const {
  return blocks(pool).first + block_text(block);
}

std::optional<BlockName> block_of_key(std::string_view key) {
  const auto last = key.rfind('/');
  if (last == std::string_view::npos || last == 0) return std::nullopt;
  const auto before = key.rfind('/', last - 1);
  if (before == std::string_view::npos) return std::nullopt;
  const auto block = prefix_of(key.substr(last + 1));
  if (!block) return std::nullopt;
  return BlockName{std::string(key.substr(before + 1, last - before - 1)), *block};
}

}  // namespace cluster::etcd
