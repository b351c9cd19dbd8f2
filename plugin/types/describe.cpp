#include "plugin/types/describe.h"

namespace types {
namespace {

cni::Interface describe_link(const netlink::Link& link, const std::string& sandbox) {
  return {.name = link.name,
          .mac = link.mac ? link.mac->to_string() : "",
          .mtu = link.mtu,
          .sandbox = sandbox,
          .socket_path = "",
          .pci_id = ""};
}

}  // namespace

cni::Result describe(const steps::World& world, const attachment::Attachment& attachment,
                     cni::Result previous, const cni::Dns& dns) {
  cni::Result result = std::move(previous);
  if (world.bridge) result.interfaces.push_back(describe_link(*world.bridge, ""));
  result.interfaces.push_back(describe_link(*world.host_end, ""));
  const std::size_t container_index = result.interfaces.size();
  result.interfaces.push_back(describe_link(*world.container_end, attachment.netns_path));
  for (const auto& address : attachment.addresses) {
    result.ips.push_back(
        {.address = address.prefix, .gateway = address.gateway, .interface = container_index});
  }
  result.routes.insert(result.routes.end(), attachment.routes.begin(), attachment.routes.end());
  if (!dns.empty()) result.dns = dns;
  return result;
}

}  // namespace types
