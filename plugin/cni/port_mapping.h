#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "plugin/cni/object.h"

namespace cni {

/// Transport protocols that have ports; the values are IP's protocol numbers.
enum class Protocol : std::uint8_t { kTcp = 6, kUdp = 17, kSctp = 132 };

/// "tcp", "udp" or "sctp".
[[nodiscard]] std::string_view to_string(Protocol protocol);
/// In any letter case.
[[nodiscard]] std::optional<Protocol> parse_protocol(std::string_view text);

/// A port of the host that leads to one of the container (capability portMappings). Ports are 1 to
/// 65535.
struct PortMapping {
  Protocol protocol = Protocol::kTcp;
  std::uint16_t host_port = 0;
  std::uint16_t container_port = 0;
  /// Absent: any address of the host; 0.0.0.0 and ::, any of that family.
  std::optional<base::IpAddress> host_address{};
  friend bool operator==(const PortMapping&, const PortMapping&) = default;
};

/// "tcp port 8080", "udp port 53 on 192.0.2.1", for messages.
[[nodiscard]] std::string to_string(const PortMapping& mapping);

/// Whether mappings of this family of addresses are asked for.
[[nodiscard]] bool covers(const PortMapping& mapping, base::Family family);

/// runtimeConfig.portMappings of a configuration, each mapping once. Throws Error{kInvalidConfig},
/// also where two of them want one host port for different ports of the container.
[[nodiscard]] std::vector<PortMapping> read_port_mappings(const Object& configuration);

}  // namespace cni
