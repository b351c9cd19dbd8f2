#include "plugin/operations/shared/namespaces.h"

#include "plugin/cni/error.h"

namespace operations {

netlink::Namespace open_container(const cni::Request& request, const netlink::Namespace& home) {
  netlink::Namespace container = netlink::Namespace::open(request.netns);
  if (container.identity() == home.identity() && !request.allow_host_namespace) {
    throw cni::Error(cni::Code::kInvalidNamespace,
                     "CNI_NETNS " + request.netns +
                         " is the namespace that the plugin itself runs in, the host's");
  }
  return container;
}

}  // namespace operations
