#pragma once

#include <optional>
#include <string>
#include <vector>

#include "netlink/socket.h"
#include "plugin/config/fabric.h"
#include "plugin/operations/conditions/condition.h"
#include "plugin/operator/command.h"

namespace tool {

/// A node's or a reflector's place in the fabric: what a routing daemon's configuration is made of.
struct FabricPlan {
  config::Fabric fabric;
  std::vector<std::string> uplinks;
  std::optional<base::IpAddress> router_id;  // of IPv4, from the first uplink
  std::vector<base::IpPrefix> subnets;       // of the uplinks
  std::optional<base::IpAddress> loopback;   // an address of IPv4 that all uplinks lead to
  bool is_reflector = false;
  bool is_unnumbered = false;
  std::string evpn;  // "bridge", "routed", or empty

  [[nodiscard]] std::vector<config::Announced> pools(base::Family family) const;
  [[nodiscard]] std::vector<base::IpAddress> reflectors(base::Family family) const;
  [[nodiscard]] std::vector<base::IpPrefix> nodes(base::Family family) const;
  /// Whether one of the uplinks' subnets has it.
  [[nodiscard]] bool is_on_link(const base::IpAddress& address) const;
};

/// Fills in what cluster.json leaves to the node: uplinks and reflectors are those of the default
/// routes. Throws cni::Error where something is missing that nobody can guess.
[[nodiscard]] FabricPlan plan_fabric(const Call& call, netlink::Socket& host);

/// Whole configurations, with remarks for who reads them.
[[nodiscard]] std::string bird_configuration(const FabricPlan& plan);
[[nodiscard]] std::string frr_configuration(const FabricPlan& plan);

/// Blocks that have no route, which doctor looks for with all else that is about pools.
void look_at_block_routes(const cni::Environment& environment, netlink::Socket& host,
                          conditions::Diagnoses& found);

/// What is wrong with how this node's blocks get to the others, and theirs to this one. Nothing on
/// a node without pools.
void look_at_fabric(const cni::Environment& environment, netlink::Socket& host,
                    conditions::Diagnoses& found);

/// A reflector's name in a configuration: "rr1".
[[nodiscard]] std::string session_name(std::string_view prefix, std::size_t number);

inline constexpr std::uint32_t kUsualAs = 64512;

inline constexpr Option kReflectorOption = {
    .name = "reflector", .meaning = "for a router that tells each node of all the others"};
inline constexpr Option kEvpnOption = {
    .name = "evpn",
    .value = "KIND",
    .choices = "bridge|routed",
    .meaning = "over VXLAN: one bridge over all nodes, or routes"};
inline constexpr Option kUnnumberedOption = {
    .name = "unnumbered", .meaning = "by interface, where uplinks have no addresses of their own"};

}  // namespace tool
