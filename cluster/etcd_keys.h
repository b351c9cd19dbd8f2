#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ip_prefix.h"
#include "cluster/etcd.h"

namespace cluster::etcd {

/// The keys of one cluster (docs/decisions/0115), below /patchcord/v1/CLUSTER/:
///   pool/POOL                 what the pool is
///   block/POOL/BLOCK          whose the block is
///   node/NODE/POOL/BLOCK      the same, by node
///   machine/MACHINE           the name of that machine's node
/// BLOCK is as "010.050.034.000-26" and sorts as blocks do.
class Keys {
 public:
  explicit Keys(const std::string& cluster) : root_("/patchcord/v1/" + cluster + "/") {}

  [[nodiscard]] Span pools() const { return below(root_ + "pool/"); }
  [[nodiscard]] std::string pool(const std::string& pool) const { return root_ + "pool/" + pool; }
  [[nodiscard]] std::string block(const std::string& pool, const base::IpPrefix& block) const;
  [[nodiscard]] Span blocks(const std::string& pool) const {
    return below(root_ + "block/" + pool + "/");
  }
  [[nodiscard]] Span node(const std::string& node) const {
    return below(root_ + "node/" + node + "/");
  }
  [[nodiscard]] std::string index(const std::string& node, const std::string& pool,
                                  const base::IpPrefix& block) const {
    return this->node(node).first + pool + "/" + block_text(block);
  }
  [[nodiscard]] std::string machine(const std::string& machine) const {
    return root_ + "machine/" + machine;
  }

  [[nodiscard]] static std::string block_text(const base::IpPrefix& block);

 private:
  std::string root_;
};

/// The last two parts of a key of a block, by whichever way it leads to it.
struct BlockName {
  std::string pool;
  base::IpPrefix block;
};
/// Absent for what is no such key.
[[nodiscard]] std::optional<BlockName> block_of_key(std::string_view key);

}  // namespace cluster::etcd
