#include "netlink/veth.h"

#include <array>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include "netlink/libnl.h"
#include "netlink/link.h"

namespace netlink {
namespace {

void put_end(nl_msg* request, const VethEnd& end, unsigned mtu) {
  libnl::put(request, IFLA_IFNAME, end.name);
  if (end.mac) libnl::put(request, IFLA_ADDRESS, end.mac->bytes());
  if (end.group != 0) libnl::put(request, IFLA_GROUP, std::uint32_t{end.group});
  // For each: the kernel gives one end's MTU to the other only where that one comes without.
  if (mtu != 0) libnl::put(request, IFLA_MTU, std::uint32_t{mtu});
  // The kernel allocates a queue for each processor, switches all but one off, and waits for an RCU
  // grace period for each end to do so (veth_init_queues, netif_set_real_num_tx_queues).
  constexpr std::uint32_t kQueues = 1;
  libnl::put(request, IFLA_NUM_TX_QUEUES, kQueues);
  libnl::put(request, IFLA_NUM_RX_QUEUES, kQueues);
}

// The kernel makes the far end first, so a name that is taken there leaves nothing behind either.
void put_far_end(nl_msg* request, const VethSpec& spec) {
  const libnl::Nest info(request, IFLA_LINKINFO);
  libnl::put(request, IFLA_INFO_KIND, std::string_view("veth"));
  const libnl::Nest data(request, IFLA_INFO_DATA);
  const libnl::Nest peer(request, VETH_INFO_PEER);
  libnl::append(request, ifinfomsg{});
  put_end(request, spec.far, spec.mtu);
  libnl::put(request, IFLA_NET_NS_FD, static_cast<std::uint32_t>(spec.far_namespace));
}

}  // namespace

// Made by hand: libnl's link object would cut a name that is too long without a word.
std::optional<Link> create_veth(Socket& socket, const VethSpec& spec) {
  const Message request = libnl::make_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
  put_end(request.get(), spec.near, spec.mtu);
  if (spec.master != 0) {
    libnl::put(request.get(), IFLA_MASTER, static_cast<std::uint32_t>(spec.master));
  }
  put_far_end(request.get(), spec);
  const What what{"create veth pair", spec.near.name + " and " + spec.far.name};
  const Message look = make_link_query(spec.near.name);
  const std::array<nl_msg*, 2> requests = {request.get(), look.get()};
  std::optional<Link> near;
  auto acks = socket.transact_all(requests, what,
                                  [&](const nlmsghdr* answer) { near = parse_link(answer); });
  // Of a refusal: then what was looked up is somebody else's.
  if (acks[0].code != 0)
    throw Error(what.operation, what.object, acks[0].code, std::move(acks[0].text));
  return near;
}

}  // namespace netlink
