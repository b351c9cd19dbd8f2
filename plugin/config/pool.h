#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ipam/blocks.h"
#include "plugin/cni/request.h"

/// What pools are, and who gives blocks of them (docs/decisions/0110).
namespace config {

/// pool.json.
struct Pool {
  std::string name;
  std::vector<base::IpPrefix> cidrs;
  unsigned block = 0;          // length of a block's prefix
  std::size_t max_blocks = 0;  // of one node; 0: as many as there are
  bool draining = false;       // no block of it is given any more
  bool is_local = false;       // the whole pool is this node's
};

/// cluster.json.
struct Cluster {
  enum class Source : unsigned char { kFile, kEtcd, kKubernetes };
  std::string path;
  std::string node;  // the host's name unless it is given
  Source source = Source::kFile;
};

/// PATCHCORD_POOLS_DIR, or /var/lib/patchcord/pools.
[[nodiscard]] std::string pools_directory_of(const cni::Environment& environment);
/// Throws cni::Error{kInvalidConfig} for what is no name of a pool; `path` is of the key.
[[nodiscard]] ipam::PoolPlace find_pool(const cni::Environment& environment,
                                        const std::string& name, const std::string& path);

/// Throws cni::Error{kFile}, naming `path`, for what is no pool.
[[nodiscard]] Pool parse_pool(std::string_view json, const std::string& path);
/// With a newline at the end.
[[nodiscard]] std::string print_pool(const Pool& pool);
/// Absent where the node has no pool.json of it.
[[nodiscard]] std::optional<Pool> read_pool(const ipam::PoolPlace& place);

/// Of PATCHCORD_CLUSTER, or /etc/patchcord/cluster.json; without such a file, blocks are given by
/// hand. Throws cni::Error{kFile}.
[[nodiscard]] Cluster read_cluster(const cni::Environment& environment);

}  // namespace config
