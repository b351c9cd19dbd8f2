// Type portmap: ADD, DEL, CHECK, GC and STATUS of it behind another plugin in a list.
#include <array>

#include "netlink/link.h"
#include "netlink/route.h"
#include "plugin/config/keys.h"
#include "plugin/operations/chained.h"
#include "plugin/operations/shared/host_ports.h"
#include "plugin/operations/shared/plan.h"
#include "plugin/operations/shared/traces.h"
#include "plugin/operations/status.h"
#include "plugin/steps/world.h"
#include "plugin/types/type.h"

namespace types {
namespace {

using attachment::PortTarget;

constexpr std::array<const steps::Step*, 6> kSteps = {
    &steps::kFlowsOfOldPorts, &steps::kWithdrawRules,   &steps::kHostPorts,
    &steps::kPublishRules,    &steps::kFlowsOfNewPorts, &steps::kLocalhost};

// An address counts if it is the container's interface's, or nobody knows whose it is.
bool is_of_container(const cni::Request& request, const cni::Result& previous,
                     const cni::IpConfig& ip) {
  if (!ip.interface) return true;
  const auto& interface = previous.interfaces[*ip.interface];
  return interface.name == request.ifname && !interface.sandbox.empty();
}

std::string find_way(netlink::Socket& host, const base::IpAddress& address) {
  const auto route = netlink::match_route(host, address);
  const auto link = route ? netlink::find_link(host, route->out_link) : std::nullopt;
  return link ? link->name : "";
}

// The first address of each family.
std::vector<PortTarget> find_targets(const cni::Request& request, const cni::Result& previous,
                                     netlink::Socket& host) {
  std::vector<PortTarget> targets;
  for (const auto family : {base::Family::kIpv4, base::Family::kIpv6}) {
    for (const auto& ip : previous.ips) {
      const auto& address = ip.address.address();
      if (address.family() != family || !is_of_container(request, previous, ip)) continue;
      targets.push_back({.address = address, .interface = find_way(host, address)});
      break;
    }
  }
  return targets;
}

void add_portmap(const cni::Request& request, const Settings& settings) {
  const auto ports = config::read_ports(request.config());
  if (!ports) return operations::pass_on(request, settings);
  for (const auto& note : ports->notes) settings.report(note);
  operations::add_chained(kChainedPortmap, request, settings,
                          [&](const cni::Result& previous, const steps::World& world,
                              attachment::Attachment& attachment) {
                            attachment.host_ports = operations::lead_ports(
                                *ports, find_targets(request, previous, world.host));
                          });
}

void delete_portmap(const cni::Request& request, const Settings& settings) {
  operations::delete_chained(kChainedPortmap, request, settings);
}

void check_portmap(const cni::Request& request, const Settings& settings) {
  if (config::read_ports(request.config()))
    return operations::check_chained(kChainedPortmap, request, settings);
  (void)operations::require_previous_result(request);
}

void collect_portmap(const cni::Request& request, const Settings& settings) {
  operations::collect_chained(kChainedPortmap, request, settings);
}

void report_status(const cni::Request& request, const Settings& settings) {
  const auto ports = config::read_ports(request.config());
  if (!ports) operations::look_for_nftables_of_ports(settings);
  operations::require_chained_ready(
      settings, ports ? std::vector<std::string>{"host ports"} : std::vector<std::string>{});
}

}  // namespace

const operations::Chained kChainedPortmap = {.name = attachment::RecordStore::kHostPorts,
                                             .steps = kSteps,
                                             .find_traces = operations::find_traces_of_ports};

const Type kPortmap = {.name = "portmap",
                       .oldest = cni::Version::k0_1_0,
                       .add = add_portmap,
                       .del = delete_portmap,
                       .check = check_portmap,
                       .gc = collect_portmap,
                       .status = report_status};

}  // namespace types
