#include "netlink/vxlan.h"

#include <string_view>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <unistd.h>

#include "netlink/libnl.h"

namespace netlink {
namespace {

using libnl::Attributes;

constexpr std::string_view kKind = "vxlan";

// The kernel sends those of that kind only; one that does not know it would send all ports.
Message make_request(int bridge) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  Message request = libnl::make_message(RTM_GETLINK, 0, header);
  libnl::put(request.get(), IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_SKIP_STATS});
  libnl::put(request.get(), IFLA_MASTER, static_cast<std::uint32_t>(bridge));
  {
    const libnl::Nest info(request.get(), IFLA_LINKINFO);
    libnl::check(nla_put_string(request.get(), IFLA_INFO_KIND, kKind.data()));
  }
  return request;
}

std::optional<Vxlan> read_vxlan(const nlmsghdr* message, int bridge) {
  if (message->nlmsg_type != RTM_NEWLINK) return std::nullopt;
  const Attributes<IFLA_MAX> link(message, sizeof(ifinfomsg));
  const Attributes<IFLA_INFO_MAX> info(link[IFLA_LINKINFO]);
  if (link.number<int>(IFLA_MASTER).value_or(0) != bridge || info.text(IFLA_INFO_KIND) != kKind)
    return std::nullopt;
  const Attributes<IFLA_VXLAN_MAX> data(info[IFLA_INFO_DATA]);
  Vxlan vxlan{.mtu = link.number<std::uint32_t>(IFLA_MTU).value_or(0)};
  vxlan.local = libnl::read_ip_address(data.bytes(IFLA_VXLAN_LOCAL));
  if (!vxlan.local) vxlan.local = libnl::read_ip_address(data.bytes(IFLA_VXLAN_LOCAL6));
  return vxlan;
}

}  // namespace

std::vector<Vxlan> vxlans_of(Socket& socket, int bridge) {
  std::vector<Vxlan> found;
  if (::access("/sys/module/vxlan", F_OK) != 0) return found;
  const Message request = make_request(bridge);
  socket.dump(
      request.get(),
      [&](const nlmsghdr* message) {
        if (auto vxlan = read_vxlan(message, bridge)) found.push_back(*vxlan);
      },
      [&] { found.clear(); }, {"list", "vxlan ports"});
  return found;
}

}  // namespace netlink
