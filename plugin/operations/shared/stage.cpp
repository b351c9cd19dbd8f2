#include "plugin/operations/shared/stage.h"

#include "plugin/operations/shared/namespaces.h"

namespace operations {

using netlink::Namespace;
using netlink::Socket;

Stage::Stage(attachment::RecordStore store)
    : records(std::move(store)),
      home(Namespace::current()),
      world{.host_namespace = home, .host = host_socket, .records = records} {}

Stage::Stage(attachment::RecordStore store, const cni::Request& request)
    : records(std::move(store)),
      home(Namespace::current()),
      container(open_container(request, home)),
      container_socket(Socket::in(*container, home)),
      world{.host_namespace = home,
            .host = host_socket,
            .container_namespace = &*container,
            .container = &*container_socket,
            .records = records} {}

// An index counts in its own namespace only: the host's link of that index may be anything, if the
// real peer is somewhere else.
bool is_pair(netlink::Socket& host, const netlink::Link& host_end,
             const netlink::Link& container_end) {
  if (host_end.kind != "veth" || host_end.peer != container_end.index) return false;
  const auto peer = netlink::find_peer(host, host_end);
  return peer && peer->name == container_end.name && peer->mac == container_end.mac;
}

void find_ends(steps::World& world, const std::string& ifname) {
  world.container_end = netlink::find_link(*world.container, ifname);
  world.host_end.reset();
  if (!world.container_end || world.container_end->kind != "veth") return;
  const netlink::Link& inside = *world.container_end;
  auto outside = netlink::find_link(world.host, inside.peer);
  if (outside && is_pair(world.host, *outside, inside)) world.host_end = std::move(outside);
}

}  // namespace operations
