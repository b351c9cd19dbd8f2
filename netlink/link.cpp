#include "netlink/link.h"

#include <algorithm>
#include <cerrno>

#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>

#include "netlink/libnl.h"

namespace netlink {
namespace {

using libnl::Attributes;

// Three things of a link are nests of nests; each reader takes the outermost attribute it needs.

BridgePortFlags read_bridge_port(const nlattr* data) {
  const Attributes<IFLA_BRPORT_MAX> port(data);
  return {.hairpin = port.number<std::uint8_t>(IFLA_BRPORT_MODE).value_or(0) != 0,
          .isolated = port.number<std::uint8_t>(IFLA_BRPORT_ISOLATED).value_or(0) != 0,
          .guarded = port.number<std::uint8_t>(IFLA_BRPORT_GUARD).value_or(0) != 0};
}

void read_bridge(Link& link, const nlattr* data) {
  const Attributes<IFLA_BR_MAX> bridge(data);
  link.vlan_filtering = bridge.number<std::uint8_t>(IFLA_BR_VLAN_FILTERING).value_or(0) != 0;
  link.default_vlan = bridge.number<std::uint16_t>(IFLA_BR_VLAN_DEFAULT_PVID).value_or(0);
  link.speaks_stp = bridge.number<std::uint32_t>(IFLA_BR_STP_STATE).value_or(0) != 0;
  // Kernels before 5.0 always learn.
  const auto options = bridge.number<br_boolopt_multi>(IFLA_BR_MULTI_BOOLOPT);
  link.learns_from_groups =
      !options || (options->optval & (1U << unsigned{BR_BOOLOPT_NO_LL_LEARN})) == 0;
}

void read_kind(Link& link, const nlattr* link_info) {
  const Attributes<IFLA_INFO_MAX> info(link_info);
  link.kind = info.text(IFLA_INFO_KIND);
  if (link.kind == "bridge") read_bridge(link, info[IFLA_INFO_DATA]);
  if (info.text(IFLA_INFO_SLAVE_KIND) == "bridge") {
    link.bridge_port = read_bridge_port(info[IFLA_INFO_SLAVE_DATA]);
  }
}

// Answered as a bare array, whose entries may only grow in number.
std::optional<int> read_accept_ra(const nlattr* families) {
  const Attributes<AF_INET6> all(families);
  const Attributes<IFLA_INET6_MAX> ipv6(all[AF_INET6]);
  const auto bytes = ipv6.bytes(IFLA_INET6_CONF);
  constexpr std::size_t kAt = DEVCONF_ACCEPT_RA * sizeof(std::int32_t);
  std::int32_t value = 0;
  if (bytes.size() < kAt + sizeof value) return std::nullopt;
  std::memcpy(&value, bytes.data() + kAt, sizeof value);
  return value;
}

Link read_link(const nlmsghdr* message) {
  const auto* header = static_cast<const ifinfomsg*>(nlmsg_data(message));
  const Attributes<IFLA_MAX> attributes(message, sizeof *header);
  Link link;
  link.index = header->ifi_index;
  link.flags = header->ifi_flags;
  link.name = attributes.text(IFLA_IFNAME);
  link.alias = attributes.text(IFLA_IFALIAS);
  link.mac = base::MacAddress::from_bytes(attributes.bytes(IFLA_ADDRESS));
  link.mtu = attributes.number<std::uint32_t>(IFLA_MTU).value_or(0);
  link.oper_state =
      static_cast<OperState>(attributes.number<std::uint8_t>(IFLA_OPERSTATE).value_or(0));
  link.group = attributes.number<std::uint32_t>(IFLA_GROUP).value_or(0);
  link.master = attributes.number<int>(IFLA_MASTER).value_or(0);
  link.peer = attributes.number<int>(IFLA_LINK).value_or(0);
  link.peer_nsid = attributes.number<int>(IFLA_LINK_NETNSID);
  // Older kernels leave out an index that is the same as the link's own (nla_put_iflink).
  if (link.peer == 0 && link.peer_nsid) link.peer = link.index;
  link.promiscuity = attributes.number<std::uint32_t>(IFLA_PROMISCUITY).value_or(0);
  link.tx_queue_length = attributes.number<std::uint32_t>(IFLA_TXQLEN).value_or(0);
  link.accept_ra = read_accept_ra(attributes[IFLA_AF_SPEC]);
  read_kind(link, attributes[IFLA_LINKINFO]);
  return link;
}

// Answered as a bare array of 32-bit values, although a request has an attribute for each.
std::vector<std::uint32_t> read_ipv4_settings(const nlmsghdr* message) {
  const Attributes<IFLA_MAX> link(message, sizeof(ifinfomsg));
  const Attributes<AF_INET> families(link[IFLA_AF_SPEC]);
  const Attributes<IFLA_INET_MAX> family(families[AF_INET]);
  const auto bytes = family.bytes(IFLA_INET_CONF);
  std::vector<std::uint32_t> settings(bytes.size() / sizeof(std::uint32_t));
  if (!settings.empty()) {
    std::memcpy(settings.data(), bytes.data(), settings.size() * sizeof(std::uint32_t));
  }
  return settings;
}

bool is_link(const nlmsghdr* message) {
  return message->nlmsg_type == RTM_NEWLINK &&
         nlmsg_valid_hdr(message, static_cast<int>(sizeof(ifinfomsg))) != 0;
}

std::string shown(int index) {
  return "#" + std::to_string(index);
}

std::optional<Link> query_link(Socket& socket, nl_msg* request, const What& what) {
  std::optional<Link> link;
  socket.try_query(request,
                   [&](const nlmsghdr* message) {
                     if (is_link(message)) link = read_link(message);
                   },
                   what, {ENODEV});
  return link;
}

// Nobody holds it any more (rtnl_get_net_ns_capable).
bool is_without_namespace(const Error& error) {
  return error.code() == EINVAL;
}

std::vector<Link> dump_links(Socket& socket, nl_msg* request, const What& what) {
  libnl::put(request, IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_SKIP_STATS});
  std::vector<Link> links;
  socket.dump(
      request,
      [&](const nlmsghdr* message) {
        if (is_link(message)) links.push_back(read_link(message));
      },
      [&] { links.clear(); }, what);
  return links;
}

}  // namespace

bool Link::is_up() const noexcept {
  return (flags & IFF_UP) != 0;
}

bool Link::is_promiscuous() const noexcept {
  return (flags & IFF_PROMISC) != 0;
}

std::optional<Link> parse_link(const nlmsghdr* message) {
  return is_link(message) ? std::optional(read_link(message)) : std::nullopt;
}

Message make_link_request(int type, int index) {
  ifinfomsg header{};
  header.ifi_index = index;
  return libnl::make_message(type, 0, header);
}

bool can_be_link_name(std::string_view name) {
  return !name.empty() && name.size() < IFNAMSIZ;
}

Message make_link_query(std::string_view name) {
  Message request = make_link_request(RTM_GETLINK, 0);
  libnl::put(request.get(), IFLA_IFNAME, name);
  libnl::put(request.get(), IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_SKIP_STATS});
  return request;
}

bool Link::takes_all_multicast() const noexcept {
  return (flags & IFF_ALLMULTI) != 0;
}

std::optional<Link> find_link(Socket& socket, std::string_view name) {
  if (!can_be_link_name(name)) return std::nullopt;
  const Message request = make_link_query(name);
  auto link = query_link(socket, request.get(), {"look up link", std::string(name)});
  // The kernel looks among the alternative names, too.
  if (link && link->name != name) return std::nullopt;
  return link;
}

std::optional<Link> find_link(Socket& socket, int index) {
  if (index <= 0) return std::nullopt;
  const Message request = make_link_request(RTM_GETLINK, index);
  libnl::put(request.get(), IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_SKIP_STATS});
  return query_link(socket, request.get(), {"look up link", shown(index)});
}

std::optional<Link> find_link_in(Socket& socket, int nsid, int index) {
  if (index <= 0) return std::nullopt;
  const Message request = make_link_request(RTM_GETLINK, index);
  libnl::put(request.get(), IFLA_TARGET_NETNSID, static_cast<std::uint32_t>(nsid));
  libnl::put(request.get(), IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_SKIP_STATS});
  try {
    return query_link(socket, request.get(),
                      {"look up link " + shown(index), "in namespace " + std::to_string(nsid)});
  } catch (const Error& error) {
    if (is_without_namespace(error)) return std::nullopt;
    throw;
  }
}

std::optional<Link> find_peer(Socket& socket, const Link& link) {
  return link.peer_nsid ? find_link_in(socket, *link.peer_nsid, link.peer)
                        : find_link(socket, link.peer);
}

std::vector<Link> ports_of(Socket& socket, int master) {
  const Message request = make_link_request(RTM_GETLINK, 0);
  libnl::put(request.get(), IFLA_MASTER, static_cast<std::uint32_t>(master));
  auto links = dump_links(socket, request.get(), {"list ports of link", shown(master)});
  // Kernels before 4.20 may not filter.
  std::erase_if(links, [&](const Link& link) { return link.master != master; });
  return links;
}

std::vector<Link> all_links(Socket& socket) {
  const Message request = make_link_request(RTM_GETLINK, 0);
  return dump_links(socket, request.get(), {"list", "links"});
}

std::vector<Link> all_links_in(Socket& socket, int nsid) {
  const Message request = make_link_request(RTM_GETLINK, 0);
  libnl::put(request.get(), IFLA_TARGET_NETNSID, static_cast<std::uint32_t>(nsid));
  libnl::put(request.get(), IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_SKIP_STATS});
  std::vector<Link> links;
  try {
    // What an interrupted list had is kept: what one has left out, another one has.
    socket.dump(request.get(),
                [&](const nlmsghdr* message) {
                  if (is_link(message)) links.push_back(read_link(message));
                },
                nullptr, {"list", "links of namespace " + std::to_string(nsid)});
  } catch (const Error& error) {
    if (is_without_namespace(error)) return {};
    if (error.code() != EAGAIN) throw;
  }
  return links;
}

std::vector<std::uint32_t> ipv4_settings(Socket& socket, int index) {
  const Message request = make_link_request(RTM_GETLINK, index);
  libnl::put(request.get(), IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_SKIP_STATS});
  std::vector<std::uint32_t> settings;
  socket.try_query(request.get(),
                   [&](const nlmsghdr* message) {
                     if (is_link(message)) settings = read_ipv4_settings(message);
                   },
                   {"read the IPv4 settings of link", shown(index)}, {ENODEV});
  return settings;
}

}  // namespace netlink
