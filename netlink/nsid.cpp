#include "netlink/nsid.h"

#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>

#include "netlink/libnl.h"
#include "netlink/link.h"

namespace netlink {
namespace {

std::optional<int> read_nsid(const nlmsghdr* message) {
  if (message->nlmsg_type != RTM_NEWNSID) return std::nullopt;
  const libnl::Attributes<NETNSA_MAX> attributes(message, sizeof(rtgenmsg));
  const auto number = attributes.number<int>(NETNSA_NSID);
  return number && *number >= 0 ? number : std::nullopt;
}

}  // namespace

std::optional<int> find_nsid(Socket& socket, const Namespace& other) {
  const Message request = libnl::make_message(RTM_GETNSID, 0, rtgenmsg{});
  libnl::put(request.get(), NETNSA_FD, static_cast<std::uint32_t>(other.fd()));
  std::optional<int> number;
  const What what{"look up", "the number of a network namespace"};
  (void)socket.try_query(request.get(),
                         [&](const nlmsghdr* message) { number = read_nsid(message); }, what, {});
  return number;
}

std::vector<int> all_nsids(Socket& socket) {
  const Message request = libnl::make_message(RTM_GETNSID, 0, rtgenmsg{});
  std::vector<int> numbers;
  socket.dump(
      request.get(),
      [&](const nlmsghdr* message) {
        if (const auto number = read_nsid(message)) numbers.push_back(*number);
      },
      [&] { numbers.clear(); }, {"list", "network namespaces"});
  return numbers;
}

bool leads_to(Socket& socket, const Link& near, const Namespace& there, int index) {
  if (near.kind != "veth" || !near.peer_nsid || near.peer != index) return false;
  return near.peer_nsid == find_nsid(socket, there);
}

}  // namespace netlink
