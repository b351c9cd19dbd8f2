#pragma once

#include <optional>
#include <set>
#include <string>

#include "base/file.h"
#include "netlink/link.h"
#include "netlink/netns.h"
#include "netlink/socket.h"
#include "plugin/attachment/record_store.h"
#include "plugin/ruleset/wanted.h"

namespace steps {

/// Where steps act: the two namespaces, each with a socket that acts in it, and what has been seen
/// of the links so far.
struct World {
  const netlink::Namespace& host_namespace;
  netlink::Socket& host;
  const netlink::Namespace* container_namespace =
      nullptr;  // null where it is gone, and in remove()
  netlink::Socket* container = nullptr;
  const attachment::RecordStore& records;

  std::optional<netlink::Link> bridge;
  std::optional<netlink::Link> vlan_gateway;
  std::optional<netlink::Link> host_end;
  std::optional<netlink::Link> container_end;
  std::optional<netlink::Link> ifb;
  /// Held from the moment a bridge is found unfinished until this ADD has finished it or given up
  /// (see bridge.cpp).
  std::optional<base::FileLock> bridge_lock;
  /// What the steps before kPublishRules want of our nftables tables.
  ruleset::Wanted rules;
  /// Of these, what another interface of the container has before it (Element::what).
  std::set<std::string> waiting;
  /// Opened by the first step that speaks to netfilter. The kernel lets nobody close such a socket
  /// before what its transactions removed is freed, an RCU grace period later (nft_rcv_nl_event):
  /// at the end of an operation that has long passed.
  std::optional<netlink::Socket> netfilter;
  /// Set where the bridge needs rules that keep containers from its node.
  bool has_node_guard = false;
  /// What DEL goes by to find nftables elements where there is no record.
  std::optional<ruleset::Traces> traces;
  /// Set by a step that had to depart from the plan and has put what it did into the attachment.
  bool amended = false;
};

/// Whether these are the two ends of one veth pair, the first on the host, the second in the
/// container: by what the host's kernel says of the first, because the container may give its own
/// end any index, MAC and name.
[[nodiscard]] bool is_pair(World& world, const netlink::Link& host_end,
                           const netlink::Link& container_end);

/// Opened when it is needed first (see World::netfilter).
[[nodiscard]] netlink::Socket& netfilter_of(World& world);

}  // namespace steps
