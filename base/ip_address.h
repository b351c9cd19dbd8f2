#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace base {

enum class Family : std::uint8_t { kIpv4, kIpv6 };

/// "IPv4" or "IPv6", for messages.
[[nodiscard]] std::string_view family_name(Family family);

/// An IPv4 or IPv6 address. Text and comparison follow Go's net package, whose forms are what the
/// reference plugins write to disk: an IPv4-mapped IPv6 address is an IPv4 address, IPv6 prints as
/// RFC 5952 says (and an IPv4-compatible one without dots).
class IpAddress {
 public:
  /// 0.0.0.0
  IpAddress() = default;
  /// `bytes` is 4 or 16 bytes in network order.
  static IpAddress from_bytes(std::span<const std::uint8_t> bytes);

  /// Absent for anything Go's ParseIP refuses: leading zeros in a dotted part, a zone, spaces.
  static std::optional<IpAddress> parse(std::string_view text);

  [[nodiscard]] Family family() const noexcept { return family_; }
  [[nodiscard]] bool is_v4() const noexcept { return family_ == Family::kIpv4; }
  [[nodiscard]] bool is_v6() const noexcept { return family_ == Family::kIpv6; }
  /// 32 or 128.
  [[nodiscard]] unsigned bits() const noexcept { return is_v4() ? 32 : 128; }
  /// 4 or 16 bytes in network order.
  [[nodiscard]] std::span<const std::uint8_t> bytes() const noexcept {
    return {bytes_.data(), is_v4() ? 4U : 16U};
  }
  [[nodiscard]] std::string to_string() const;

  [[nodiscard]] bool is_unspecified() const noexcept;
  [[nodiscard]] bool is_loopback() const noexcept;
  [[nodiscard]] bool is_multicast() const noexcept;
  [[nodiscard]] bool is_link_local() const noexcept;

  /// The address `distance` further on, wrapping at the end of the family.
  [[nodiscard]] IpAddress plus(std::uint64_t distance) const noexcept;
  /// The address before this one, wrapping at zero.
  [[nodiscard]] IpAddress previous() const noexcept;
  [[nodiscard]] IpAddress next() const noexcept { return plus(1); }

  /// The address with every bit behind the first `length` set or cleared.
  [[nodiscard]] IpAddress with_host_bits(unsigned length, bool set) const noexcept;

  /// How many addresses `other` lies above this one; saturates at UINT64_MAX, 0 where it lies
  /// below. Both must be of one family.
  [[nodiscard]] std::uint64_t distance_to(const IpAddress& other) const noexcept;

  /// IPv4 sorts before IPv6.
  // clang-tidy 14 takes the 0 in what "= default" makes for a null pointer.
  // NOLINTNEXTLINE(modernize-use-nullptr)
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  Family family_ = Family::kIpv4;
  std::array<std::uint8_t, 16> bytes_{};
};

}  // namespace base
