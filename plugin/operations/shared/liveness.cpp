#include "plugin/operations/shared/liveness.h"

#include "netlink/link.h"

namespace operations {

bool is_provably_gone(netlink::Socket& host, const attachment::Attachment& attachment) {
  if (attachment::find_container(attachment)) return false;
  const auto host_end = netlink::find_link(host, attachment.pair.host_name);
  if (!host_end || host_end->kind != "veth") return true;
  const bool ours = host_end->alias == attachment::alias_of(attachment.key) ||
                    host_end->mac == attachment.pair.host_mac;
  return !ours || !netlink::find_peer(host, *host_end);
}

}  // namespace operations
