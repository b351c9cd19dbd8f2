#pragma once

#include <optional>
#include <string>

#include "base/ip_address.h"
#include "netlink/socket.h"
#include "plugin/cni/request.h"

/// Kubernetes' Services, as far as containers on a bridge are concerned.
namespace tool {

/// The mode in which kube-proxy translates Services of that family on the host of the socket, known
/// by what it makes there: "iptables", "nftables", "IPVS". Absent where it made nothing.
[[nodiscard]] std::optional<std::string> find_kube_proxy(netlink::Socket& host,
                                                         base::Family family);
/// The same of either family.
[[nodiscard]] std::optional<std::string> find_kube_proxy(netlink::Socket& host);

/// Whether the request is of a type that makes a bridge, and its network has one that does not send
/// back by a port what came in by it, so that a container which a Service leads to itself gets no
/// answer.
[[nodiscard]] bool lacks_hairpin(const cni::Request& request);

}  // namespace tool
