#include "netlink/bridge.h"

#include <algorithm>
#include <cerrno>

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "netlink/libnl.h"
#include "netlink/link.h"

namespace netlink {
namespace {

// Kernels before 5.0 do not know it, and pass over it.
void put_no_learning_from_groups(nl_msg* request) {
  constexpr std::uint32_t kBit = 1U << unsigned{BR_BOOLOPT_NO_LL_LEARN};
  const br_boolopt_multi options{.optval = kBit, .optmask = kBit};
  libnl::put(request, IFLA_BR_MULTI_BOOLOPT,
             {reinterpret_cast<const std::uint8_t*>(&options), sizeof options});
}

void put_bridge_settings(nl_msg* request, const BridgeSpec& spec) {
  const libnl::Nest info(request, IFLA_LINKINFO);
  libnl::put(request, IFLA_INFO_KIND, std::string_view("bridge"));
  const libnl::Nest data(request, IFLA_INFO_DATA);
  put_no_learning_from_groups(request);
  if (spec.vlan_filtering) libnl::put(request, IFLA_BR_VLAN_FILTERING, std::uint8_t{1});
}

Message make_port_request(int type, const Link& link) {
  ifinfomsg header{};
  header.ifi_family = AF_BRIDGE;
  header.ifi_index = link.index;
  return libnl::make_message(type, 0, header);
}

void put_vlan(nl_msg* request, std::uint16_t vlan, unsigned flags) {
  const bridge_vlan_info info{.flags = static_cast<std::uint16_t>(flags), .vid = vlan};
  libnl::put(request, IFLA_BRIDGE_VLAN_INFO,
             {reinterpret_cast<const std::uint8_t*>(&info), sizeof info});
}

void put_range(nl_msg* request, const VlanRange& range) {
  const unsigned flags = (range.native ? BRIDGE_VLAN_INFO_PVID : 0U) |
                         (range.untagged ? BRIDGE_VLAN_INFO_UNTAGGED : 0U);
  if (range.first == range.last) return put_vlan(request, range.first, flags);
  put_vlan(request, range.first, flags | BRIDGE_VLAN_INFO_RANGE_BEGIN);
  put_vlan(request, range.last, flags | BRIDGE_VLAN_INFO_RANGE_END);
}

VlanRange read_vlan(nlattr* entry) {
  const libnl::Attributes<BRIDGE_VLANDB_ENTRY_MAX> attributes(entry);
  const auto info =
      attributes.number<bridge_vlan_info>(BRIDGE_VLANDB_ENTRY_INFO).value_or(bridge_vlan_info{});
  return {.first = info.vid,
          .last = attributes.number<std::uint16_t>(BRIDGE_VLANDB_ENTRY_RANGE).value_or(info.vid),
          .native = (info.flags & BRIDGE_VLAN_INFO_PVID) != 0,
          .untagged = (info.flags & BRIDGE_VLAN_INFO_UNTAGGED) != 0};
}

void read_vlans(const nlmsghdr* message, const Link& link, std::vector<VlanRange>& vlans) {
  if (message->nlmsg_type != RTM_NEWVLAN) return;
  if (nlmsg_valid_hdr(message, static_cast<int>(sizeof(br_vlan_msg))) == 0) return;
  const auto* header = static_cast<const br_vlan_msg*>(nlmsg_data(message));
  if (static_cast<int>(header->ifindex) != link.index) return;
  auto* attribute = nlmsg_attrdata(message, sizeof *header);
  for (int left = nlmsg_attrlen(message, sizeof *header); nla_ok(attribute, left) != 0;
       attribute = nla_next(attribute, &left)) {
    if (nla_type(attribute) == BRIDGE_VLANDB_ENTRY) vlans.push_back(read_vlan(attribute));
  }
}

}  // namespace

bool create_bridge(Socket& socket, const BridgeSpec& spec) {
  const Message request = libnl::make_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
  libnl::put(request.get(), IFLA_IFNAME, spec.name);
  libnl::put(request.get(), IFLA_ADDRESS, spec.mac.bytes());
  if (spec.mtu != 0) libnl::put(request.get(), IFLA_MTU, std::uint32_t{spec.mtu});
  if (spec.group != 0) libnl::put(request.get(), IFLA_GROUP, std::uint32_t{spec.group});
  put_bridge_settings(request.get(), spec);
  return socket.try_execute(request.get(), {"create bridge", spec.name}, {EEXIST});
}

void stop_learning_from_groups(Socket& socket, const Link& bridge) {
  const Message request = make_link_request(RTM_NEWLINK, bridge.index);
  {
    const libnl::Nest info(request.get(), IFLA_LINKINFO);
    libnl::put(request.get(), IFLA_INFO_KIND, std::string_view("bridge"));
    const libnl::Nest data(request.get(), IFLA_INFO_DATA);
    put_no_learning_from_groups(request.get());
  }
  socket.execute(request.get(), {"change bridge", bridge.name});
}

void add_port_vlans(Socket& socket, const Link& link, std::span<const VlanRange> vlans) {
  // As many as fit into one message of libnl's, a page.
  constexpr std::size_t kAtOnce = 200;
  for (; !vlans.empty(); vlans = vlans.subspan(std::min(kAtOnce, vlans.size()))) {
    const Message request = make_port_request(RTM_SETLINK, link);
    {
      const libnl::Nest spec(request.get(), IFLA_AF_SPEC);
      for (const VlanRange& range : vlans.first(std::min(kAtOnce, vlans.size())))
        put_range(request.get(), range);
    }
    socket.execute(request.get(), {"set the VLANs of bridge port", link.name});
  }
}

void remove_port_vlan(Socket& socket, const Link& link, std::uint16_t vlan) {
  const Message request = make_port_request(RTM_DELLINK, link);
  {
    const libnl::Nest spec(request.get(), IFLA_AF_SPEC);
    put_vlan(request.get(), vlan, 0);
  }
  socket.execute(request.get(),
                 {"remove VLAN " + std::to_string(vlan) + " of bridge port", link.name});
}

std::vector<VlanRange> vlans_of_port(Socket& socket, const Link& link) {
  br_vlan_msg header{};
  header.family = AF_BRIDGE;
  header.ifindex = static_cast<std::uint32_t>(link.index);
  const Message request = libnl::make_message(RTM_GETVLAN, 0, header);
  std::vector<VlanRange> vlans;
  socket.dump(
      request.get(), [&](const nlmsghdr* message) { read_vlans(message, link, vlans); },
      [&] { vlans.clear(); }, {"list the VLANs of bridge port", link.name});
  return vlans;
}

void shut_bridge_port(Socket& socket, const Link& link) {
  constexpr std::uint8_t kDisabled = 0;  // BR_STATE_DISABLED
  const Message request = make_port_request(RTM_SETLINK, link);
  {
    const libnl::Nest port(request.get(), IFLA_PROTINFO | NLA_F_NESTED);
    libnl::put(request.get(), IFLA_BRPORT_STATE, kDisabled);
  }
  socket.try_execute(request.get(), {"shut bridge port", link.name},
                     {EBUSY, EINVAL, ENETDOWN, ENODEV});
}

void put_port_flags(nl_msg* request, const BridgePortFlags& flags) {
  libnl::put(request, IFLA_BRPORT_MODE, std::uint8_t{flags.hairpin});
  libnl::put(request, IFLA_BRPORT_ISOLATED, std::uint8_t{flags.isolated});
  libnl::put(request, IFLA_BRPORT_GUARD, std::uint8_t{flags.guarded});
}

void set_bridge_port(Socket& socket, const Link& link, const BridgePortFlags& flags) {
  const Message request = make_port_request(RTM_SETLINK, link);
  {
    // Without NLA_F_NESTED the kernel takes the attribute for a bare STP state (br_setlink).
    const libnl::Nest port(request.get(), IFLA_PROTINFO | NLA_F_NESTED);
    put_port_flags(request.get(), flags);
  }
  socket.execute(request.get(), {"set bridge port", link.name});
}

}  // namespace netlink
