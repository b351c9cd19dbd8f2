#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/ip_prefix.h"
#include "cluster/pool.h"
#include "cluster/settings.h"

namespace cluster {

using Blocks = std::vector<base::IpPrefix>;

/// Who gives blocks. Each call may throw Failure.
class Source {
 public:
  struct Claimed {
    base::IpPrefix block;
    bool was_ours = false;  // before the call, and missing among `known`
    Pool pool;
  };
  struct Own {
    Blocks blocks;  // the oldest first
    Pool pool;
  };
  struct Owned {
    base::IpPrefix block;
    std::string pool;
    std::string node;
    std::string machine;
    std::int64_t since = 0;  // seconds of the epoch; 0 where nobody knows
  };
  struct All {
    std::vector<Owned> blocks;
    Pool pool;
  };

  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  /// A block more than the `known` ones, for this node.
  virtual Claimed claim(const std::string& pool, const Blocks& known) = 0;
  virtual Own own(const std::string& pool) = 0;
  virtual void release(const std::string& pool, const base::IpPrefix& block) = 0;
  virtual All all(const std::string& pool) = 0;
  virtual std::vector<Pool> pools() = 0;
  virtual void add_pool(const Pool& pool) = 0;
  /// The same pool, with more CIDRs, another number of blocks, or draining.
  virtual void set_pool(const Pool& pool) = 0;
  /// Takes all blocks of a node that is known to be gone.
  virtual std::vector<Owned> forget(const std::string& node) = 0;
};

[[nodiscard]] std::unique_ptr<Source> make_etcd_source(const Settings& settings,
                                                       std::string machine);
[[nodiscard]] std::unique_ptr<Source> make_kubernetes_source(const Settings& settings);

}  // namespace cluster
