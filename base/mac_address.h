#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/ip_address.h"

namespace base {

/// A 48-bit Ethernet address.
class MacAddress {
 public:
  MacAddress() = default;
  explicit MacAddress(const std::array<std::uint8_t, 6>& bytes) : bytes_(bytes) {}
  static std::optional<MacAddress> from_bytes(std::span<const std::uint8_t> bytes);

  /// The three forms of Go's ParseMAC for six bytes: aa:bb:cc:dd:ee:ff, aa-bb-cc-dd-ee-ff,
  /// aabb.ccdd.eeff, in either case.
  static std::optional<MacAddress> parse(std::string_view text);

  /// A locally administered unicast address made of the first six of `seed`'s bytes.
  static MacAddress locally_administered(std::span<const std::uint8_t, 6> seed);

  /// Lower case with colons, as the kernel prints it.
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] const std::array<std::uint8_t, 6>& bytes() const noexcept { return bytes_; }
  /// What the kernel takes for a device: neither multicast nor zero (is_valid_ether_addr).
  [[nodiscard]] bool is_usable() const noexcept;

  friend auto operator<=>(const MacAddress&, const MacAddress&) = default;

 private:
  std::array<std::uint8_t, 6> bytes_{};
};

/// The address that the kernel forms of it unless told otherwise: fe80:: and the MAC with ff:fe in
/// its middle and the universal bit turned (RFC 4291, appendix A).
[[nodiscard]] IpAddress link_local_of(const MacAddress& mac);

}  // namespace base
