#pragma once

#include <optional>

#include "netlink/netns.h"
#include "netlink/socket.h"
#include "plugin/attachment/record_store.h"
#include "plugin/cni/request.h"
#include "plugin/steps/step.h"

namespace operations {

/// Owns what one operation acts with: the namespaces, a socket in each, and the world that the
/// steps see.
struct Stage {
  /// DEL and GC, which need no container.
  explicit Stage(attachment::RecordStore store);
  /// ADD and CHECK, in CNI_NETNS. Throws as open_container().
  Stage(attachment::RecordStore store, const cni::Request& request);
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  ~Stage() = default;

  const attachment::RecordStore records;
  const netlink::Namespace home;
  const std::optional<netlink::Namespace> container;
  netlink::Socket host_socket;
  std::optional<netlink::Socket> container_socket;
  steps::World world;
};

/// Whether these are the two ends of one veth pair, the first on the host.
[[nodiscard]] bool is_pair(netlink::Socket& host, const netlink::Link& host_end,
                           const netlink::Link& container_end);

/// Looks for the two ends of an interface that another plugin made, and leaves those absent that
/// there are not: an interface that is no veth has no end outside.
void find_ends(steps::World& world, const std::string& ifname);

}  // namespace operations
