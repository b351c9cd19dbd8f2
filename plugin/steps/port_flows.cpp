// What conntrack remembers of datagrams to host ports, which must not outlive a change.
#include <algorithm>
#include <functional>

#include "netlink/conntrack.h"
#include "netlink/route.h"
#include "plugin/ruleset/parts.h"
#include "plugin/steps/step.h"
#include "plugin/steps/world.h"

// A flow of datagrams goes where its first packet went as long as there are packets: to a container
// that is gone, or past one that is new. Connections of TCP and SCTP end by themselves.

namespace steps {
namespace {

using attachment::Attachment;
using attachment::HostPorts;

bool is_own_address(World& world, const base::IpAddress& address) {
  constexpr std::uint8_t kLocal = 2;  // RTN_LOCAL
  const auto route = netlink::match_route(world.host, address);
  return route && route->type == kLocal;
}

std::vector<std::uint16_t> udp_ports_of(const HostPorts& ports, base::Family family) {
  std::vector<std::uint16_t> list;
  for (const auto& mapping : ports.mappings) {
    if (mapping.protocol == cni::Protocol::kUdp && cni::covers(mapping, family))
      list.push_back(mapping.host_port);
  }
  return list;
}

bool decides(World& world, const cni::PortMapping& mapping, const netlink::UdpFlow& flow) {
  if (mapping.protocol != cni::Protocol::kUdp || mapping.host_port != flow.destination_port)
    return false;
  if (mapping.host_address && !mapping.host_address->is_unspecified())
    return *mapping.host_address == flow.destination;
  return cni::covers(mapping, flow.destination.family()) && is_own_address(world, flow.destination);
}

using Selects = std::function<bool(const cni::PortMapping&, const netlink::UdpFlow&)>;

void forget(World& world, const Attachment& attachment, const Selects& selects) {
  const HostPorts& ports = *attachment.host_ports;
  const auto concerns = [&](const netlink::UdpFlow& flow) {
    return std::any_of(ports.mappings.begin(), ports.mappings.end(), [&](const auto& mapping) {
      return decides(world, mapping, flow) && selects(mapping, flow);
    });
  };
  for (const auto& target : ports.targets) {
    const auto family = target.address.family();
    (void)netlink::forget_udp_flows(family, udp_ports_of(ports, family), concerns);
  }
}

// A port that another interface of the container still answers keeps its flows.
void apply(World& world, Attachment& attachment, base::Rollback&) {
  if (!attachment.host_ports) return;
  forget(world, attachment, [&](const cni::PortMapping& mapping, const netlink::UdpFlow&) {
    return !world.waiting.contains(ruleset::describe(mapping));
  });
}

void remove(World& world, const Attachment& attachment) {
  if (!attachment.host_ports) return;
  const auto& targets = attachment.host_ports->targets;
  forget(world, attachment, [&](const cni::PortMapping&, const netlink::UdpFlow& flow) {
    return std::any_of(targets.begin(), targets.end(),
                       [&](const auto& target) { return target.address == flow.responder; });
  });
}

void do_nothing(World&, Attachment&, base::Rollback&) {}
void find_nothing(World&, const Attachment&, Findings&) {}
void remove_nothing(World&, const Attachment&) {}

}  // namespace

const Step kFlowsOfNewPorts = {.name = "flows to new host ports",
                               .apply = apply,
                               .check = find_nothing,
                               .remove = remove_nothing};

const Step kFlowsOfOldPorts = {.name = "flows to old host ports",
                               .apply = do_nothing,
                               .check = find_nothing,
                               .remove = remove};

}  // namespace steps
