#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/ip_prefix.h"
#include "plugin/cni/request.h"

namespace config {

/// What nodes announce: blocks of so long a prefix within a CIDR.
struct Announced {
  base::IpPrefix cidr;
  unsigned block = 0;
  friend bool operator==(const Announced&, const Announced&) = default;
};

/// How nodes tell each other of their blocks: "fabric" of cluster.json, and the pools of this node.
struct Fabric {
  std::string path;  // of cluster.json
  std::string node;
  std::uint32_t as = 0;                     // 0: not given
  std::vector<base::IpAddress> reflectors;  // whom a node speaks with
  std::vector<base::IpPrefix> nodes;        // whom a reflector listens to
  std::vector<std::string> uplinks;
  std::uint32_t vni = 0;
  std::string bird_socket;  // of birdc
  std::string frr_sockets;  // the directory of vtysh's
  std::vector<Announced> pools;
};

/// Of PATCHCORD_CLUSTER and PATCHCORD_POOLS_DIR. Throws cni::Error{kFile}, naming the file.
[[nodiscard]] Fabric read_fabric(const cni::Environment& environment);

}  // namespace config
