#include "netlink/veth.h"

#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>

#include "netlink/libnl.h"

namespace netlink {
namespace {

using LinkObject = std::unique_ptr<rtnl_link, libnl::Deleter<rtnl_link_put>>;

void describe_end(rtnl_link* link, const VethEnd& end, unsigned mtu) {
  rtnl_link_set_name(link, end.name.c_str());
  if (end.mac) rtnl_link_set_addr(link, libnl::make_address(*end.mac).get());
  // Each end has its own: the kernel hands the near end's on to a far end without one only.
  if (mtu != 0) rtnl_link_set_mtu(link, mtu);
}

}  // namespace

void create_veth(Socket& socket, const VethSpec& spec) {
  const LinkObject near(libnl::made(rtnl_link_veth_alloc()));
  const LinkObject far(rtnl_link_veth_get_peer(near.get()));
  describe_end(near.get(), spec.near, spec.mtu);
  describe_end(far.get(), spec.far, spec.mtu);
  rtnl_link_set_ns_fd(far.get(), spec.far_namespace);
  if (spec.master != 0) rtnl_link_set_master(near.get(), spec.master);
  const Message request =
      libnl::build_request(rtnl_link_build_add_request, near.get(), NLM_F_CREATE | NLM_F_EXCL);
  socket.execute(request.get(), {.operation = "create veth pair",
                                 .object = spec.near.name + " and " + spec.far.name});
}

}  // namespace netlink
