#include "netlink/link.h"

#include <algorithm>
#include <cerrno>

#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>
#include <sys/random.h>

#include "base/error.h"
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

Message make_request(int type, int index) {
  ifinfomsg header{};
  header.ifi_index = index;
  return libnl::make_message(type, 0, header);
}

// A name that the kernel would refuse as too long belongs to no link.
bool can_be_name(std::string_view name) {
  return !name.empty() && name.size() < IFNAMSIZ;
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

// The kernel's own order of work is: settings of a port (rtnl_changelink), MTU, MAC, alias, master,
// flags, IPv4 settings (do_setlink). It checks all of it first, but what fails later leaves the
// earlier part done.
Message make_change(int index, const LinkChange& change) {
  ifinfomsg header{};
  header.ifi_index = index;
  const auto set_flag = [&](unsigned flag, std::optional<bool> wanted) {
    if (!wanted) return;
    header.ifi_change |= flag;
    if (*wanted) header.ifi_flags |= flag;
  };
  set_flag(IFF_UP, change.up);
  set_flag(IFF_PROMISC, change.promiscuous);
  set_flag(IFF_ALLMULTI, change.all_multicast);
  // What a master has to say of a port it takes with RTM_NEWLINK only, which without NLM_F_CREATE
  // changes a link as the other one does.
  return libnl::make_message(change.bridge_port ? RTM_NEWLINK : RTM_SETLINK, 0, header);
}

void put_bridge_port(nl_msg* request, const BridgePortFlags& flags) {
  const libnl::Nest info(request, IFLA_LINKINFO);
  libnl::put(request, IFLA_INFO_SLAVE_KIND, std::string_view("bridge"));
  const libnl::Nest port(request, IFLA_INFO_SLAVE_DATA);
  libnl::put(request, IFLA_BRPORT_MODE, std::uint8_t{flags.hairpin});
  libnl::put(request, IFLA_BRPORT_ISOLATED, std::uint8_t{flags.isolated});
  libnl::put(request, IFLA_BRPORT_GUARD, std::uint8_t{flags.guarded});
}

void put_ipv4_settings(nl_msg* request, const LinkChange& change) {
  if (change.ipv4.empty()) return;
  const libnl::Nest families(request, IFLA_AF_SPEC);
  const libnl::Nest family(request, AF_INET);
  const libnl::Nest settings(request, IFLA_INET_CONF);
  for (const auto& [setting, value] : change.ipv4) libnl::put(request, setting, value);
}

std::span<const std::uint8_t> as_bytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

void put_change(nl_msg* request, const LinkChange& change) {
  // Without a NUL, which would count as one of the alias's bytes.
  if (change.alias) libnl::put(request, IFLA_IFALIAS, as_bytes(*change.alias));
  if (change.mac) libnl::put(request, IFLA_ADDRESS, change.mac->bytes());
  if (change.mtu) libnl::put(request, IFLA_MTU, std::uint32_t{*change.mtu});
  if (change.tx_queue_length)
    libnl::put(request, IFLA_TXQLEN, std::uint32_t{*change.tx_queue_length});
  if (change.master) libnl::put(request, IFLA_MASTER, static_cast<std::uint32_t>(*change.master));
  if (change.bridge_port) put_bridge_port(request, *change.bridge_port);
  put_ipv4_settings(request, change);
}

// A number that nobody uses: what already is in the group would be deleted as well. Both of the top
// bits are set in no group of a container's interface (attachment::group_of).
std::uint32_t random_group() {
  std::uint32_t group = 0;
  if (::getrandom(&group, sizeof group, 0) != sizeof group)
    throw base::SystemError("read", "the kernel's random numbers", errno);
  return group | 0xc0000000U;
}

// Several RTM_DELLINK in one send would each wait for themselves; a group is deleted as one
// (rtnl_group_dellink).
void delete_group(Socket& socket, std::span<const int> indexes) {
  const What what{"delete", std::to_string(indexes.size()) + " links"};
  const std::uint32_t group = random_group();
  std::vector<Message> requests;
  std::vector<nl_msg*> pointers;
  for (const int index : indexes) {
    requests.push_back(make_request(RTM_SETLINK, index));
    pointers.push_back(requests.back().get());
    libnl::put(pointers.back(), IFLA_GROUP, group);
  }
  for (Ack& ack : socket.transact_all(pointers, what)) {
    if (ack.code == 0 || ack.code == ENODEV) continue;
    throw Error(what.operation, what.object, ack.code, std::move(ack.text));
  }
  const Message deletion = make_request(RTM_DELLINK, 0);
  libnl::put(deletion.get(), IFLA_GROUP, group);
  socket.try_execute(deletion.get(), what, {ENODEV});
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

Message make_link_query(std::string_view name) {
  Message request = make_request(RTM_GETLINK, 0);
  libnl::put(request.get(), IFLA_IFNAME, name);
  libnl::put(request.get(), IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_SKIP_STATS});
  return request;
}

bool Link::takes_all_multicast() const noexcept {
  return (flags & IFF_ALLMULTI) != 0;
}

std::optional<Link> find_link(Socket& socket, std::string_view name) {
  if (!can_be_name(name)) return std::nullopt;
  const Message request = make_link_query(name);
  auto link = query_link(socket, request.get(), {"look up link", std::string(name)});
  // The kernel looks among the alternative names, too.
  if (link && link->name != name) return std::nullopt;
  return link;
}

std::optional<Link> find_link(Socket& socket, int index) {
  if (index <= 0) return std::nullopt;
  const Message request = make_request(RTM_GETLINK, index);
  libnl::put(request.get(), IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_SKIP_STATS});
  return query_link(socket, request.get(), {"look up link", shown(index)});
}

std::optional<Link> find_link_in(Socket& socket, int nsid, int index) {
  if (index <= 0) return std::nullopt;
  const Message request = make_request(RTM_GETLINK, index);
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
  const Message request = make_request(RTM_GETLINK, 0);
  libnl::put(request.get(), IFLA_MASTER, static_cast<std::uint32_t>(master));
  auto links = dump_links(socket, request.get(), {"list ports of link", shown(master)});
  // Kernels before 4.20 may not filter.
  std::erase_if(links, [&](const Link& link) { return link.master != master; });
  return links;
}

std::vector<Link> all_links(Socket& socket) {
  const Message request = make_request(RTM_GETLINK, 0);
  return dump_links(socket, request.get(), {"list", "links"});
}

std::vector<Link> all_links_in(Socket& socket, int nsid) {
  const Message request = make_request(RTM_GETLINK, 0);
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

void change_link(Socket& socket, const Link& link, const LinkChange& change) {
  const Message request = make_change(link.index, change);
  put_change(request.get(), change);
  socket.execute(request.get(), {"change link", link.name});
}

void change_link(Socket& socket, std::string_view name, const LinkChange& change) {
  const Message request = make_change(0, change);
  libnl::put(request.get(), IFLA_IFNAME, name);
  put_change(request.get(), change);
  socket.execute(request.get(), {"change link", std::string(name)});
}

bool delete_link(Socket& socket, int index, std::string_view shown_as) {
  const Message request = make_request(RTM_DELLINK, index);
  return socket.try_execute(request.get(), {"delete link", std::string(shown_as)}, {ENODEV});
}

bool delete_link(Socket& socket, std::string_view name) {
  if (!can_be_name(name)) return false;
  const Message request = make_request(RTM_DELLINK, 0);
  libnl::put(request.get(), IFLA_IFNAME, name);
  return socket.try_execute(request.get(), {"delete link", std::string(name)}, {ENODEV});
}

void delete_links(Socket& socket, std::span<const int> indexes) {
  // For each the kernel's one lock of all links is held for a third of a millisecond or so.
  constexpr std::size_t kAtOnce = 256;
  for (; !indexes.empty(); indexes = indexes.subspan(std::min(kAtOnce, indexes.size())))
    delete_group(socket, indexes.first(std::min(kAtOnce, indexes.size())));
}

std::vector<std::uint32_t> ipv4_settings(Socket& socket, int index) {
  const Message request = make_request(RTM_GETLINK, index);
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
