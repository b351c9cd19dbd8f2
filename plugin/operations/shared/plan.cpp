#include "plugin/operations/shared/plan.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <sys/random.h>

#include "base/error.h"
#include "plugin/cni/error.h"
#include "plugin/operations/shared/host_ports.h"
#include "plugin/operations/shared/plan_rules.h"
#include "plugin/steps/step.h"

namespace operations {
namespace {

using attachment::Attachment;
using base::Family;

constexpr unsigned kEthernetHeader = 14;  // bytes
constexpr std::array<std::uint8_t, 4> kNextHop4 = {169, 254, 1, 1};
constexpr std::array<std::uint8_t, 16> kNextHop6 = {0xfe, 0x80, 0, 0, 0, 0, 0, 0,
                                                    0,    0,    0, 0, 0, 0, 0, 1};
// Each routed container has a link of its own, so one MAC serves for all host ends, and it tells
// people what they are looking at.
constexpr std::array<std::uint8_t, 6> kRoutedHostMac = {0xee, 0xee, 0xee, 0xee, 0xee, 0xee};

std::array<base::MacAddress, 4> random_macs() {
  std::array<std::uint8_t, 24> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw base::SystemError("read", "the kernel's random numbers", errno);
  }
  const std::span all(bytes);
  return {base::MacAddress::locally_administered(all.subspan<0, 6>()),
          base::MacAddress::locally_administered(all.subspan<6, 6>()),
          base::MacAddress::locally_administered(all.subspan<12, 6>()),
          base::MacAddress::locally_administered(all.subspan<18, 6>())};
}

base::IpAddress next_hop_of(Family family) {
  return family == Family::kIpv4 ? base::IpAddress::from_bytes(kNextHop4)
                                 : base::IpAddress::from_bytes(kNextHop6);
}

bool uses(const Attachment& attachment, Family family) {
  const auto families = attachment::families_of(attachment);
  return std::find(families.begin(), families.end(), family) != families.end();
}

std::optional<attachment::Pod> find_pod(const cni::Request& request) {
  const auto arguments = cni::Arguments::parse(request.args);
  auto name = arguments.get("K8S_POD_NAME");
  if (!name || name->empty()) return std::nullopt;
  return attachment::Pod{.space = arguments.get("K8S_POD_NAMESPACE").value_or(""),
                         .name = std::move(*name)};
}

std::optional<base::IpAddress> first_gateway(const Attachment& attachment, Family family) {
  for (const auto& address : attachment.addresses) {
    if (address.prefix.family() == family && address.gateway) return address.gateway;
  }
  return std::nullopt;
}

bool has_default_route(const Attachment& attachment, Family family) {
  return std::any_of(
      attachment.routes.begin(), attachment.routes.end(), [&](const cni::Route& route) {
        return route.destination.is_default() && route.destination.family() == family;
      });
}

void add_default_route(Attachment& attachment, const base::IpAddress& gateway) {
  if (has_default_route(attachment, gateway.family())) return;
  const base::IpPrefix everything = base::IpPrefix(gateway, 0).network();
  attachment.routes.push_back({.destination = everything, .gateway = gateway});
}

void plan_routed(const config::Bridge& keys, Attachment& attachment) {
  for (auto& address : attachment.addresses) {
    address = {.prefix = base::IpPrefix::host(address.prefix.address()), .gateway = std::nullopt};
  }
  for (const Family family : attachment::families_of(attachment)) {
    attachment.routed_port->next_hops.push_back(next_hop_of(family));
  }
  // Whatever next hop IPAM names, the node is the only one that a routed container has.
  for (auto& route : attachment.routes) {
    if (!uses(attachment, route.destination.family())) {
      throw cni::Error(cni::Code::kInvalidConfig,
                       "ipam.routes: " + route.destination.to_string() +
                           " is of a family that the container has no address of");
    }
    route.gateway = next_hop_of(route.destination.family());
  }
  const bool chosen = !attachment.routes.empty() && !keys.is_default_gateway;
  for (const auto& next_hop : attachment.routed_port->next_hops) {
    if (!chosen) add_default_route(attachment, next_hop);
  }
  attachment.forward = attachment::families_of(attachment);
}

constexpr std::uint8_t kScopeLink = 253;

// Scopes narrower than site: the destination is on the link or on the host, where a next hop makes
// no sense and the kernel refuses it.
bool is_direct(const cni::Route& route) {
  return route.scope && *route.scope >= kScopeLink;
}

// The next hop 0.0.0.0 or :: is none, to the kernel as to people: on a bridge that says that the
// destination is on the link, behind a port of its own that there is only the usual next hop.
void take_unspecified_next_hops(Attachment& attachment) {
  for (auto& route : attachment.routes) {
    if (!route.gateway || !route.gateway->is_unspecified()) continue;
    route.gateway.reset();
    if (attachment.bridge_port) route.scope = kScopeLink;
  }
}

void add_next_hops(Attachment& attachment) {
  take_unspecified_next_hops(attachment);
  for (auto& route : attachment.routes) {
    if (!route.gateway && !is_direct(route))
      route.gateway = first_gateway(attachment, route.destination.family());
  }
}

// The first of the subnet, or of two the other one.
base::IpAddress usual_gateway(const base::IpPrefix& address) {
  if (address.is_host()) {
    throw cni::Error(cni::Code::kInvalidConfig, "ipam: " + address.to_string() +
                                                    " is a subnet without room for a gateway; give "
                                                    "one (gateway)");
  }
  const base::IpAddress first = address.network().address();
  return address.length() + 1 == first.bits() && address.address() != first ? first : first.next();
}

void plan_bridged(const config::Bridge& bridge, Attachment& attachment) {
  for (auto& address : attachment.addresses) {
    if (bridge.is_gateway && !address.gateway) address.gateway = usual_gateway(address.prefix);
    if (!bridge.is_gateway) continue;
    const base::IpPrefix gateway(*address.gateway, address.prefix.length());
    auto& gateways = attachment.bridge_port->gateways;
    if (std::find(gateways.begin(), gateways.end(), gateway) == gateways.end())
      gateways.push_back(gateway);
  }
  add_next_hops(attachment);
  for (const Family family : attachment::families_of(attachment)) {
    if (bridge.is_gateway) attachment.forward.push_back(family);
    if (bridge.is_default_gateway)
      add_default_route(attachment, *first_gateway(attachment, family));
  }
}

void plan_ptp(Attachment& attachment) {
  auto& gateways = attachment.ptp_port->gateways;
  for (const auto& address : attachment.addresses) {
    if (!address.gateway) {
      throw cni::Error(cni::Code::kInvalidConfig,
                       "ipam: " + address.prefix.to_string() +
                           " comes without a gateway, which ptp gives to the host's end; give one");
    }
    if (std::find(gateways.begin(), gateways.end(), *address.gateway) == gateways.end())
      gateways.push_back(*address.gateway);
  }
  add_next_hops(attachment);
  attachment.forward = attachment::families_of(attachment);
}

// With br_netfilter the bridge itself carries what a container sends to its own host port, back to
// the port that it came from. Where br_netfilter is not there yet it may come.
bool reaches_itself(const config::Network& network) {
  return network.ports && network.ports->snat && !network.bridge.promiscuous;
}

std::optional<attachment::PortVlans> plan_vlans(const config::Bridge& bridge) {
  if (!bridge.vlans) return std::nullopt;
  attachment::PortVlans vlans{.native = bridge.vlans->native,
                              .keep_default = bridge.vlans->keep_default};
  for (const auto& range : bridge.vlans->trunk) vlans.trunk.push_back({range.first, range.last});
  return vlans;
}

std::optional<attachment::VlanGateway> plan_vlan_gateway(const config::Bridge& bridge,
                                                         const base::MacAddress& mac) {
  if (!bridge.vlans || !bridge.vlans->own_gateway) return std::nullopt;
  return attachment::VlanGateway{.name = bridge.name + "." + std::to_string(bridge.vlans->native),
                                 .mac = mac};
}

std::uint32_t clamp32(std::uint64_t value) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, UINT32_MAX));
}

attachment::RateLimit plan_limit(const config::RateLimit& limit, std::chrono::milliseconds latency,
                                 unsigned mtu) {
  constexpr std::uint64_t kBits = 8;
  constexpr std::uint64_t kFewest = 5;  // packets that a queue holds at least, or TCP starves
  const std::uint64_t packet = mtu + kEthernetHeader;
  const std::uint64_t rate = limit.rate / kBits;
  const auto milliseconds = static_cast<std::uint64_t>(latency.count());
  const std::uint64_t waiting = rate / 1000 * milliseconds + rate % 1000 * milliseconds / 1000;
  const std::uint64_t burst = std::max(limit.burst / kBits, packet);
  return {.rate = rate,
          .burst = clamp32(burst),
          .limit = clamp32(waiting + burst),
          .queue = clamp32(std::max(waiting, kFewest * packet))};
}

void refuse_two_ipv4_gateways(const Attachment& attachment) {
  const auto& gateways = attachment.bridge_port->gateways;
  const auto of_ipv4 = std::count_if(gateways.begin(), gateways.end(), [](const auto& gateway) {
    return gateway.family() == Family::kIpv4;
  });
  if (of_ipv4 > 1 && attachment.bridge_port->force_address) {
    throw cni::Error(cni::Code::kInvalidConfig,
                     "forceAddress: cannot be used with several IPv4 gateways on one bridge, which "
                     "would replace each other");
  }
}

// The first address of each family, as in the reference portmap.
std::vector<attachment::PortTarget> port_targets_of(const Attachment& attachment) {
  std::vector<attachment::PortTarget> targets;
  for (const Family family : attachment::families_of(attachment)) {
    const auto first =
        std::find_if(attachment.addresses.begin(), attachment.addresses.end(),
                     [&](const auto& address) { return address.prefix.family() == family; });
    targets.push_back(
        {.address = first->prefix.address(), .interface = attachment::host_side_of(attachment)});
  }
  return targets;
}

void plan_layout(const config::Network& network, Attachment& attachment) {
  if (attachment.routed_port) return plan_routed(network.bridge, attachment);
  if (attachment.ptp_port) return plan_ptp(attachment);
  plan_bridged(network.bridge, attachment);
  refuse_two_ipv4_gateways(attachment);
}

}  // namespace

attachment::Key key_of(const cni::Request& request) {
  return {
      .network = request.network, .container_id = request.container_id, .ifname = request.ifname};
}

Attachment plan_links(const cni::Request& request, const config::Network& network, unsigned mtu) {
  const auto macs = random_macs();
  Attachment plan;
  plan.key = key_of(request);
  plan.pod = find_pod(request);
  plan.netns_path = request.netns;
  plan.reservation = lease::reservation_of(network.ipam);
  plan.antispoof = plan_antispoof(network.rules);
  if (network.source_routes) plan.source_routes.emplace();
  plan.pair = {.host_name = attachment::host_name_of(plan.key, network.host_interface_prefix),
               .host_mac = network.mode == config::Mode::kRouted ? base::MacAddress(kRoutedHostMac)
                                                                 : macs[0],
               .container_mac = network.mac.value_or(macs[1]),
               .mtu = mtu,
               .container_up = network.container_up,
               .enable_dad = network.enable_dad,
               .accept_ra = network.accept_ra};
  if (network.mode == config::Mode::kRouted) {
    plan.routed_port.emplace();
    return plan;
  }
  if (network.mode == config::Mode::kPtp) {
    plan.ptp_port.emplace();
    return plan;
  }
  plan.bridge_port =
      attachment::BridgePort{.bridge = network.bridge.name,
                             .bridge_mac = macs[2],
                             .is_gateway = network.bridge.is_gateway,
                             .hairpin = network.bridge.hairpin || reaches_itself(network),
                             .isolated = network.bridge.port_isolation ||
                                         network.rules.isolation == config::Isolation::kPod,
                             .promiscuous = network.bridge.promiscuous,
                             .force_address = network.bridge.force_address,
                             .gateways = {},
                             .vlans = plan_vlans(network.bridge),
                             .vlan_gateway = plan_vlan_gateway(network.bridge, macs[3])};
  return plan;
}

attachment::Tuning plan_tuning(const config::Tuning& tuning) {
  attachment::Tuning plan{.link = tuning.link};
  for (const auto& [path, value] : tuning.sysctls)
    plan.sysctls.push_back({.path = path, .value = value});
  // net/ipv4/ip_forward sets all/forwarding and every interface's; all/... every interface's.
  const auto rank = [](const attachment::Sysctl& sysctl) {
    const auto depth = std::count(sysctl.path.begin(), sysctl.path.end(), '/');
    return std::pair(depth, sysctl.path.find("/all/") == std::string::npos);
  };
  std::stable_sort(plan.sysctls.begin(), plan.sysctls.end(),
                   [&](const auto& left, const auto& right) { return rank(left) < rank(right); });
  return plan;
}

attachment::Shaping plan_shaping(const attachment::Key& key, const config::Bandwidth& bandwidth,
                                 const std::string& host_name, unsigned mtu) {
  attachment::Shaping plan{
      .host_name = host_name,
      .mtu = mtu,
      .subnets = bandwidth.shaped.empty() ? bandwidth.unshaped : bandwidth.shaped,
      .shapes_subnets = !bandwidth.shaped.empty()};
  if (bandwidth.ingress) plan.ingress = plan_limit(*bandwidth.ingress, bandwidth.latency, mtu);
  if (bandwidth.egress) {
    plan.egress = plan_limit(*bandwidth.egress, bandwidth.latency, mtu);
    plan.ifb = attachment::host_name_of(key, steps::kIfbPrefix);
  }
  return plan;
}

void plan_addresses(const config::Network& network, const lease::Lease& lease,
                    Attachment& attachment) {
  for (const auto& ip : lease.ips)
    attachment.addresses.push_back({.prefix = ip.address, .gateway = ip.gateway});
  plan_rules(network.rules, lease.pool_cidrs, attachment);
  attachment.routes = lease.routes;
  plan_layout(network, attachment);
  if (network.ports)
    attachment.host_ports = lead_ports(*network.ports, port_targets_of(attachment));
}

}  // namespace operations
