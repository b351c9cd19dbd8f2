#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/ip_prefix.h"
#include "plugin/cni/request.h"

namespace config {

/// Of one direction.
struct RateLimit {
  std::uint64_t rate = 0;   // bit/s
  std::uint64_t burst = 0;  // bits that may pass at once after a rest
};

/// Directions are the container's: ingress is what it receives.
struct Bandwidth {
  std::optional<RateLimit> ingress{};
  std::optional<RateLimit> egress{};
  std::chrono::milliseconds latency{25};   // what a packet may wait at most
  std::vector<base::IpPrefix> unshaped{};  // traffic with these is not limited
  std::vector<base::IpPrefix> shaped{};    // where there are any: only traffic with these is
  [[nodiscard]] bool empty() const { return !ingress && !egress; }
};

/// The keys of the reference bandwidth, and our `latency` (milliseconds). Where the configuration
/// itself has any limit, runtimeConfig.bandwidth does not count. Throws cni::Error{kInvalidConfig}.
[[nodiscard]] Bandwidth parse_bandwidth(const cni::Request& request);

}  // namespace config
