#include "plugin/migration/adopt.h"

#include <algorithm>

#include "plugin/cni/error.h"
#include "plugin/operations/shared/plan.h"
#include "plugin/operations/shared/stage.h"

namespace migration {
namespace {

using attachment::Attachment;

// The reference puts neither MTU nor MSS into the kernel's routes.
lease::Lease lease_of(const cni::Result& result, const std::string& ifname) {
  lease::Lease lease{.ips = {}, .routes = result.routes, .dns = result.dns};
  for (const auto& ip : result.ips) {
    if (cni::is_of_container(result, ip, ifname)) lease.ips.push_back(ip);
  }
  for (auto& route : lease.routes) {
    route.mtu = 0;
    route.advmss = 0;
  }
  return lease;
}

bool is_shared(const Attachment& plan, const std::string& name) {
  const auto& port = plan.bridge_port;
  return port && (name == port->bridge || (port->vlan_gateway && name == port->vlan_gateway->name));
}

// Later members of a chain may have added links of the host, as bandwidth does: of those in the
// result, the host end is the container's peer, or, if that is lost, the first.
const cni::Interface& host_end_in_result(const cni::Result& previous, const Attachment& plan,
                                         const std::optional<netlink::Link>& peer,
                                         steps::Findings& findings) {
  const cni::Interface* first = nullptr;
  for (const auto& interface : previous.interfaces) {
    if (!interface.sandbox.empty() || is_shared(plan, interface.name)) continue;
    if (peer && interface.name == peer->name) return interface;
    if (first == nullptr) first = &interface;
  }
  if (first == nullptr) {
    throw cni::Error(cni::Code::kCheckFailed,
                     "prevResult names no host interface of the attachment " +
                         attachment::to_string(plan.key) + ", and there is no record of it");
  }
  if (peer) {
    findings.push_back("host interface " + peer->name + ", the peer of container interface " +
                       plan.key.ifname + ", is not in prevResult");
  }
  return *first;
}

void check_mac(const netlink::Link& link, const cni::Interface& said, steps::Findings& findings) {
  if (said.mac.empty() || base::MacAddress::parse(said.mac) == link.mac) return;
  findings.push_back("host interface " + link.name + " does not have the MAC address " + said.mac);
}

}  // namespace

std::optional<Attachment> adopt(const cni::Request& request, const config::Network& network,
                                const cni::Result& previous, steps::World& world,
                                steps::Findings& findings) {
  operations::find_ends(world, request.ifname);
  const auto peer = world.host_end;
  if (peer && attachment::is_mark(peer->alias)) return std::nullopt;
  Attachment plan = operations::plan_links(request, network, 0);
  plan.netns = world.container_namespace->identity();
  operations::plan_addresses(network, lease_of(previous, request.ifname), plan);
  plan.finished = true;
  // The reference's rules are in chains of its own.
  plan.masquerade.reset();
  plan.isolation.reset();
  plan.antispoof.reset();
  const cni::Interface& said = host_end_in_result(previous, plan, peer, findings);
  plan.pair.host_name = said.name;
  if (peer && peer->name == said.name) check_mac(*peer, said, findings);
  return plan;
}

}  // namespace migration
