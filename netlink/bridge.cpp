#include "netlink/bridge.h"

#include <cerrno>

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "netlink/libnl.h"

namespace netlink {
namespace {

void put_bridge_settings(nl_msg* request, const BridgeSpec& spec) {
  const libnl::Nest info(request, IFLA_LINKINFO);
  libnl::put(request, IFLA_INFO_KIND, std::string_view("bridge"));
  if (!spec.vlan_filtering) return;
  const libnl::Nest data(request, IFLA_INFO_DATA);
  libnl::put(request, IFLA_BR_VLAN_FILTERING, std::uint8_t{1});
}

}  // namespace

bool create_bridge(Socket& socket, const BridgeSpec& spec) {
  const Message request = libnl::make_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
  libnl::put(request.get(), IFLA_IFNAME, spec.name);
  libnl::put(request.get(), IFLA_ADDRESS, spec.mac.bytes());
  if (spec.mtu != 0) libnl::put(request.get(), IFLA_MTU, std::uint32_t{spec.mtu});
  put_bridge_settings(request.get(), spec);
  return socket.try_execute(request.get(), {"create bridge", spec.name}, {EEXIST});
}

void set_bridge_port(Socket& socket, const Link& link, const BridgePortFlags& flags) {
  ifinfomsg header{};
  header.ifi_family = AF_BRIDGE;
  header.ifi_index = link.index;
  const Message request = libnl::make_message(RTM_SETLINK, 0, header);
  {
    // Without NLA_F_NESTED the kernel takes the attribute for a bare STP state (br_setlink).
    const libnl::Nest port(request.get(), IFLA_PROTINFO | NLA_F_NESTED);
    libnl::put(request.get(), IFLA_BRPORT_MODE, std::uint8_t{flags.hairpin});
    libnl::put(request.get(), IFLA_BRPORT_ISOLATED, std::uint8_t{flags.isolated});
  }
  socket.execute(request.get(), {"set bridge port", link.name});
}

}  // namespace netlink
