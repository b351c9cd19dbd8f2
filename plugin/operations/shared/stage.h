#pragma once

#include <optional>

#include "netlink/netns.h"
#include "netlink/socket.h"
#include "plugin/attachment/record_store.h"
#include "plugin/cni/request.h"
#include "plugin/steps/world.h"

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

  /// Of the container, with the cookie.
  [[nodiscard]] netlink::NamespaceIdentity container_identity() const;
  [[nodiscard]] attachment::Viewpoint viewpoint() const;

  const attachment::RecordStore records;
  const netlink::Namespace home;
  const std::optional<netlink::Namespace> container;
  netlink::Socket host_socket;
  std::optional<netlink::Socket> container_socket;
  steps::World world;
};

/// Looks for the two ends of an interface that another plugin made, and leaves those absent that
/// there are not: an interface that is no veth has no end outside.
void find_ends(steps::World& world, const std::string& ifname);

/// The same for a record of a chained type: the host end is the one that its ADD had to do with, or
/// absent, whatever interface bears the name in the container by now.
void find_recorded_ends(steps::World& world, const attachment::Attachment& record);

}  // namespace operations
