// Whose other end the container's interface is: the host's kernel says it, and not the container.
#include "netlink/nsid.h"
#include "plugin/steps/step.h"
#include "plugin/steps/world.h"

namespace steps {

bool is_pair(World& world, const netlink::Link& host_end, const netlink::Link& container_end) {
  if (host_end.peer_nsid)
    return netlink::leads_to(world.host, host_end, *world.container_namespace, container_end.index);
  // Only where the runtime has insisted on the host's own namespace (CNI_NETNS_OVERRIDE).
  return host_end.kind == "veth" && host_end.peer == container_end.index &&
         world.container_namespace->identity() == world.host_namespace.identity();
}

}  // namespace steps
