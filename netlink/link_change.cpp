// Changes of links, and their end.
#include <algorithm>
#include <cerrno>

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/random.h>

#include "base/error.h"
#include "netlink/bridge.h"
#include "netlink/libnl.h"
#include "netlink/link.h"

namespace netlink {
namespace {

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
  put_port_flags(request, flags);
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
    requests.push_back(make_link_request(RTM_SETLINK, index));
    pointers.push_back(requests.back().get());
    libnl::put(pointers.back(), IFLA_GROUP, group);
  }
  for (Ack& ack : socket.transact_all(pointers, what)) {
    if (ack.code == 0 || ack.code == ENODEV) continue;
    throw Error(what.operation, what.object, ack.code, std::move(ack.text));
  }
  const Message deletion = make_link_request(RTM_DELLINK, 0);
  libnl::put(deletion.get(), IFLA_GROUP, group);
  socket.try_execute(deletion.get(), what, {ENODEV});
}

}  // namespace

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
  const Message request = make_link_request(RTM_DELLINK, index);
  return socket.try_execute(request.get(), {"delete link", std::string(shown_as)}, {ENODEV});
}

bool delete_link(Socket& socket, std::string_view name) {
  if (!can_be_link_name(name)) return false;
  const Message request = make_link_request(RTM_DELLINK, 0);
  libnl::put(request.get(), IFLA_IFNAME, name);
  return socket.try_execute(request.get(), {"delete link", std::string(name)}, {ENODEV});
}

void delete_links(Socket& socket, std::span<const int> indexes) {
  // For each the kernel's one lock of all links is held for a third of a millisecond or so.
  constexpr std::size_t kAtOnce = 256;
  for (; !indexes.empty(); indexes = indexes.subspan(std::min(kAtOnce, indexes.size())))
    delete_group(socket, indexes.first(std::min(kAtOnce, indexes.size())));
}

}  // namespace netlink
