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

netlink::NamespaceIdentity Stage::container_identity() const {
  netlink::NamespaceIdentity identity = container->identity();
  identity.cookie = container_socket->namespace_cookie();
  return identity;
}

attachment::Viewpoint Stage::viewpoint() const {
  return attachment::viewpoint_of(home, host_socket);
}

void find_ends(steps::World& world, const std::string& ifname) {
  world.container_end = netlink::find_link(*world.container, ifname);
  world.host_end.reset();
  if (!world.container_end || world.container_end->kind != "veth") return;
  const netlink::Link& inside = *world.container_end;
  // No more than a hint where to look: what is there says itself whose other end it is.
  auto outside = netlink::find_link(world.host, inside.peer);
  if (outside && steps::is_pair(world, *outside, inside)) world.host_end = std::move(outside);
}

void find_recorded_ends(steps::World& world, const attachment::Attachment& record) {
  const auto& wire = record.wire;
  if (wire.host_index == 0) return find_ends(world, record.key.ifname);
  world.container_end = netlink::find_link(*world.container, record.key.ifname);
  world.host_end = netlink::find_link(world.host, wire.host_index);
  if (!world.host_end) return;
  const bool is_same = world.host_end->mac == wire.host_mac ||
                       world.host_end->alias == attachment::alias_of(record.key);
  if (!is_same || !steps::is_pair(world, *world.host_end, {.index = wire.container_index}))
    world.host_end.reset();
}

}  // namespace operations
