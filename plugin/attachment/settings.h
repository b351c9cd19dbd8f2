#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_prefix.h"
#include "base/mac_address.h"

/// Settings that an attachment gives to what is there already, with what was there before.
namespace attachment {

/// Of an interface; what is absent is left as it is.
struct LinkSettings {
  std::optional<base::MacAddress> mac{};
  std::optional<unsigned> mtu{};  // bytes
  std::optional<bool> promiscuous{};
  std::optional<bool> all_multicast{};
  std::optional<unsigned> tx_queue_length{};  // packets
  friend bool operator==(const LinkSettings&, const LinkSettings&) = default;
};

/// Of the container's network namespace.
struct Sysctl {
  std::string path;  // below /proc/sys
  std::string value;
  std::optional<std::string> original{};  // absent where it cannot be read, or was not there yet
  friend bool operator==(const Sysctl&, const Sysctl&) = default;
};

/// The port of the interface that another record tells of, whose rules have to know its new MAC.
struct GuardedPort {
  std::string host_name;
  bool is_bridged = false;
  bool has_link_local = false;  // the link-local address that a MAC gives is among its own
};

struct Tuning {
  std::vector<Sysctl> sysctls{};  // in the order in which they are set
  LinkSettings link{};
  LinkSettings original{};            // of those of `link` that the interface had before
  int link_index = 0;                 // which interface that was
  std::optional<GuardedPort> port{};  // where there are rules that bind it to its MAC
};

/// Of one direction, in bytes (a second).
struct RateLimit {
  std::uint64_t rate = 0;
  std::uint32_t burst = 0;
  std::uint32_t limit = 0;  // what waits at most, as the reference counts it
  std::uint32_t queue = 0;  // what waits at most
  friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

/// Directions are the container's: ingress is what it receives.
struct Shaping {
  std::string host_name;  // the interface's other end
  int host_index = 0;     // of a link that was there before
  std::string ifb;        // that what the container sends is redirected to; empty without one
  unsigned mtu = 0;       // bytes
  std::optional<RateLimit> ingress{};
  std::optional<RateLimit> egress{};
  std::vector<base::IpPrefix> subnets{};  // that make a difference
  bool shapes_subnets = false;            // only those are limited; else they are not
};

}  // namespace attachment
