#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ip_address.h"

namespace base {

/// An address with a prefix length ("10.88.0.5/16"). The host bits are kept as given: the same type
/// serves an interface's address and a subnet.
class IpPrefix {
 public:
  IpPrefix() = default;
  /// `length` must be at most address.bits().
  IpPrefix(IpAddress address, unsigned length)
      : address_(address), length_(static_cast<std::uint8_t>(length)) {}

  /// CIDR text as Go's ParseCIDR takes it; an IPv4-mapped IPv6 prefix of at least /96 is folded to
  /// IPv4. Absent where malformed.
  static std::optional<IpPrefix> parse(std::string_view text);
  /// One address: /32 or /128.
  static IpPrefix host(const IpAddress& address) { return {address, address.bits()}; }

  [[nodiscard]] const IpAddress& address() const noexcept { return address_; }
  [[nodiscard]] unsigned length() const noexcept { return length_; }
  [[nodiscard]] Family family() const noexcept { return address_.family(); }

  /// The prefix with its host bits cleared.
  [[nodiscard]] IpPrefix network() const noexcept;
  /// The highest address (IPv4: the directed broadcast address).
  [[nodiscard]] IpAddress last() const noexcept;
  [[nodiscard]] bool has_host_bits() const noexcept { return network().address_ != address_; }
  [[nodiscard]] bool is_host() const noexcept { return length_ == address_.bits(); }
  /// 0.0.0.0/0 or ::/0.
  [[nodiscard]] bool is_default() const noexcept { return length_ == 0; }
  /// False across families.
  [[nodiscard]] bool contains(const IpAddress& address) const noexcept;
  [[nodiscard]] bool overlaps(const IpPrefix& other) const noexcept;

  [[nodiscard]] std::string to_string() const;

  // NOLINTNEXTLINE(modernize-use-nullptr): as in IpAddress
  friend auto operator<=>(const IpPrefix&, const IpPrefix&) = default;

 private:
  IpAddress address_;
  std::uint8_t length_ = 0;
};

}  // namespace base
