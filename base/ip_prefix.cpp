#include "base/ip_prefix.h"

namespace base {
namespace {

constexpr unsigned kMappedBits = 96;  // what ::ffff:0:0/96 adds before an IPv4 address

// Leading zeros are taken, as Go does.
std::optional<unsigned> parse_length(std::string_view text) {
  if (text.empty()) return std::nullopt;
  unsigned value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
    if (value > 128) return std::nullopt;
  }
  return value;
}

}  // namespace

std::optional<IpPrefix> IpPrefix::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = IpAddress::parse(text.substr(0, slash));
  auto length = parse_length(text.substr(slash + 1));
  if (!address || !length) return std::nullopt;
  // An IPv4 address that was written with colons has a prefix of its 128 bits.
  if (address->is_v4() && text.substr(0, slash).find(':') != std::string_view::npos) {
    if (*length < kMappedBits) return std::nullopt;
    *length -= kMappedBits;
  }
  if (*length > address->bits()) return std::nullopt;
  return IpPrefix(*address, *length);
}

IpPrefix IpPrefix::network() const noexcept {
  return {address_.with_host_bits(length_, false), length_};
}

IpAddress IpPrefix::last() const noexcept {
  return address_.with_host_bits(length_, true);
}

bool IpPrefix::contains(const IpAddress& address) const noexcept {
  return address.family() == family() &&
         address.with_host_bits(length_, false) == address_.with_host_bits(length_, false);
}

bool IpPrefix::overlaps(const IpPrefix& other) const noexcept {
  return length_ <= other.length_ ? contains(other.address_) : other.contains(address_);
}

std::string IpPrefix::to_string() const {
  return address_.to_string() + "/" + std::to_string(length_);
}

}  // namespace base
