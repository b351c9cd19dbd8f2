#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/mac_address.h"
#include "ipam/blocks.h"
#include "ipam/range.h"
#include "plugin/cni/port_condition.h"
#include "plugin/cni/port_mapping.h"
#include "plugin/cni/request.h"
#include "plugin/cni/result.h"
#include "plugin/config/bandwidth.h"
#include "plugin/config/tuning.h"

/// The configuration as validated plain data: nothing here is text that still has to be understood.
namespace config {

enum class Mode : std::uint8_t { kBridge, kRouted, kPtp };

/// What becomes of the blocks that the node has of a pool.
enum class BlockLayout : std::uint8_t {
  kWhole,       // each address is given
  kSubnets,     // a subnet each, with a gateway
  kFirstSubnet  // the oldest is the subnet, with a gateway; the others are for a later time
};

/// Pools that give an address each.
struct Pools {
  std::vector<ipam::PoolPlace> places;
  bool claims = true;  // onFull: one more block is asked for where all are full
  BlockLayout layout = BlockLayout::kWhole;
};

/// Our own allocator, configured with the keys of the reference host-local, and pools.
struct HostLocal {
  std::vector<ipam::RangeSet> sets;
  Pools pools{};
  std::vector<base::IpAddress> requested;
  std::string data_directory;  // of what the ranges give
  std::vector<cni::Route> routes;
  std::string resolv_conf;  // path; empty for none
  bool reclaim = true;      // reservations that provably are nobody's any more
};

struct FixedAddress {
  base::IpPrefix address;  // host bits as given
  std::optional<base::IpAddress> gateway;
};

/// Addresses that the configuration or the runtime gives, with the keys of the reference static.
struct Static {
  std::vector<FixedAddress> addresses;
  std::vector<cni::Route> routes;
  cni::Dns dns;
};

// Neither of the two: the type is delegated to a binary.
struct Ipam {
  std::string type;  // empty: no addresses, layer 2 only
  std::optional<HostLocal> host_local;
  std::optional<Static> fixed;
  std::chrono::milliseconds patience{60'000};  // how long a delegate may take
};

/// VLAN ids, 1 to 4094.
struct VlanRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
};

/// The VLANs of a bridge port.
struct Vlans {
  std::uint16_t native = 0;        // of frames without a tag; 0 leaves what the bridge gives
  std::vector<VlanRange> trunk{};  // tagged; in order, neither overlapping nor touching
  bool keep_default = false;       // of the VLAN that the bridge gives every port
  bool own_gateway = false;        // the gateway is an interface in that VLAN, not the bridge
};

struct Bridge {
  std::string name;
  bool is_gateway = false;
  bool is_default_gateway = false;
  bool force_address = false;
  bool hairpin = false;
  bool promiscuous = false;
  bool port_isolation = false;
  std::optional<Vlans> vlans{};
};

/// Whom the host gives its own address as the source of what containers send elsewhere.
struct Masquerade {
  bool ipv4 = false;
  bool ipv6 = false;
  std::vector<base::IpPrefix> exclude{};  // destinations, besides the container's own subnets
};

/// Which containers may open connections to one of this network.
enum class Isolation : std::uint8_t { kOpen, kNetwork, kPod };

/// What is made of nftables rules.
struct Rules {
  Masquerade masquerade{};
  Isolation isolation = Isolation::kOpen;
  bool check_mac = false;      // drop what does not come from the container's own MAC
  bool check_address = false;  // nor from its own addresses
};

/// What packets of one family must be like to be led on.
struct PortConditions {
  std::vector<cni::PortCondition> all{};
  std::string unreadable{};  // those that cannot be done here, as given; empty for none
};

/// Ports of the host that lead to the container.
struct Ports {
  std::vector<cni::PortMapping> mappings;  // at least one
  bool snat = true;             // also from the container itself, its neighbours and 127.0.0.1
  bool masquerade_all = false;  // the container sees the host as the source of every connection
  PortConditions ipv4{};
  PortConditions ipv6{};
  std::vector<std::string> notes{};  // see Network
};

struct Network {
  Mode mode = Mode::kBridge;
  Bridge bridge;                      // of mode bridge
  std::string host_interface_prefix;  // of the host end's name
  unsigned mtu = 0;                   // bytes; 0 leaves the kernel's default
  bool mtu_auto = false;              // take the MTU of the default route's link
  std::optional<base::MacAddress> mac;
  bool enable_dad = false;
  bool accept_ra = false;     // the container listens to routers
  bool source_routes = true;  // of interfaces that a container has besides its first
  Tuning tuning;              // of type patchcord
  Bandwidth bandwidth;        // likewise
  bool container_up = true;
  std::optional<cni::Dns> dns;  // replaces what IPAM says
  std::optional<Ports> ports;
  bool offers_ports = false;  // the capability portMappings: containers may come with some
  /// The result says what the reference plugins' do: no MTU of interfaces, and routes as IPAM has
  /// them, without the next hop that they are given.
  bool reference_result = false;
  Ipam ipam;
  Rules rules{};
  /// Of keys that ask for what is done anyway, or in another way: a line each, for ADD to say.
  std::vector<std::string> notes{};
};

/// The configuration of type patchcord, with runtimeConfig, args.cni and CNI_ARGS worked in. Throws
/// cni::Error{kInvalidConfig}, {kUnsupportedField} or {kInvalidEnvironment}.
[[nodiscard]] Network parse_patchcord(const cni::Request& request);
/// The configuration of the reference bridge. Throws as parse_patchcord.
[[nodiscard]] Network parse_bridge(const cni::Request& request);
/// The configuration of the reference ptp. Throws as parse_patchcord.
[[nodiscard]] Network parse_ptp(const cni::Request& request);

/// Whether the runtime is told to hand over what goes by this name (CNI conventions,
/// "capabilities"): what it will is known at an ADD only.
[[nodiscard]] bool offers(const cni::Object& root, std::string_view capability);

/// Just the `ipam` section, for operations that need no more. In mode routed a subnet has neither a
/// gateway nor an address for broadcasts.
[[nodiscard]] Ipam parse_ipam(const cni::Request& request, Mode mode);

/// The `ipam` section as an IPAM plugin called `type` reads it, which asks nobody what its type is.
/// A section that is missing is an error.
[[nodiscard]] Ipam parse_ipam_of(const cni::Request& request, std::string_view type);

/// Where reservations are and who made them, as far as the configuration tells without being valid:
/// DEL must find its way through a configuration that has changed or is broken.
struct IpamPlace {
  std::string type;            // empty where there is none
  std::string data_directory;  // of host-local
  std::vector<ipam::PoolPlace> pools{};
  std::chrono::milliseconds patience{60'000};
};
[[nodiscard]] IpamPlace find_ipam_place(const cni::Request& request) noexcept;

/// The bridge that the configuration names, valid or not.
[[nodiscard]] std::string find_bridge_name(const cni::Request& request) noexcept;

/// Whether our own allocator serves this ipam.type.
[[nodiscard]] bool is_host_local(std::string_view type);
/// Whether the addresses of this ipam.type are in the configuration, and nothing is held for them.
[[nodiscard]] bool is_static(std::string_view type);

}  // namespace config
