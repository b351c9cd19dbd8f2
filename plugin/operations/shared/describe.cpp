#include "plugin/operations/shared/describe.h"

#include "plugin/steps/world.h"

namespace operations {
namespace {

using attachment::Attachment;

cni::Interface describe_link(const netlink::Link& link, const std::string& sandbox,
                             const config::Network& network) {
  return {.name = link.name,
          .mac = link.mac ? link.mac->to_string() : "",
          .mtu = network.reference_result ? 0 : link.mtu,
          .sandbox = sandbox,
          .socket_path = "",
          .pci_id = ""};
}

void describe_addresses(const Attachment& attachment, std::size_t interface, cni::Result& result) {
  for (const auto& address : attachment.addresses) {
    result.ips.push_back(
        {.address = address.prefix, .gateway = address.gateway, .interface = interface});
  }
}

// The plan has IPAM's routes first, in its order.
void describe_routes(const Attachment& attachment, const config::Network& network,
                     const lease::Lease& lease, cni::Result& result) {
  for (std::size_t i = 0; i < attachment.routes.size(); ++i) {
    cni::Route route = attachment.routes[i];
    if (network.reference_result && i < lease.routes.size()) {
      route.gateway = lease.routes[i].gateway;
      route.scope = lease.routes[i].scope;
    }
    result.routes.push_back(route);
  }
}

}  // namespace

cni::Result describe(const steps::World& world, const Attachment& attachment,
                     const config::Network& network, const lease::Lease& lease,
                     cni::Result previous) {
  cni::Result result = std::move(previous);
  if (world.bridge) result.interfaces.push_back(describe_link(*world.bridge, "", network));
  result.interfaces.push_back(describe_link(*world.host_end, "", network));
  const std::size_t container_index = result.interfaces.size();
  result.interfaces.push_back(describe_link(*world.container_end, attachment.netns_path, network));
  if (world.vlan_gateway)
    result.interfaces.push_back(describe_link(*world.vlan_gateway, "", network));
  if (world.ifb) result.interfaces.push_back(describe_link(*world.ifb, "", network));
  describe_addresses(attachment, container_index, result);
  describe_routes(attachment, network, lease, result);
  const cni::Dns& dns = network.dns ? *network.dns : lease.dns;
  if (!dns.empty()) result.dns = dns;
  return result;
}

}  // namespace operations
