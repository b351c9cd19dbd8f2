#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/ip_prefix.h"
#include "plugin/cni/request.h"
#include "plugin/config/pool.h"

/// Who gives blocks to nodes, where that is not a person: patchcord-blocks, a program of its own
/// (docs/decisions/0110), which does nothing on this node.
namespace lease {

struct Claimed {
  base::IpPrefix block;
  bool is_adopted = false;  // it was this node's already, and was not in the file
  config::Pool pool;
};

struct Owned {
  std::vector<base::IpPrefix> blocks;
  config::Pool pool;
};

/// A block of whichever node.
struct PlacedBlock {
  std::string pool;
  base::IpPrefix block;
  std::string node;
  std::int64_t since = 0;  // seconds of the epoch; 0: not known
};

/// How long it may take where an ADD waits for it.
inline constexpr std::chrono::milliseconds kClaimPatience{3500};
/// The same for a person.
inline constexpr std::chrono::milliseconds kOperatorPatience{30'000};

/// Each call runs the program once. Throws cni::Error: kTryAgainLater where it fails or takes too
/// long, kExhausted where there is nothing to be had.
class BlockSource {
 public:
  BlockSource(const cni::Environment& environment, std::chrono::milliseconds patience);

  [[nodiscard]] Claimed claim(const std::string& pool,
                              const std::vector<base::IpPrefix>& had) const;
  [[nodiscard]] Owned own(const std::string& pool) const;
  void release(const std::string& pool, const base::IpPrefix& block) const;
  [[nodiscard]] std::vector<PlacedBlock> all(const std::string& pool) const;
  [[nodiscard]] std::vector<config::Pool> pools() const;
  void add_pool(const config::Pool& pool) const;
  void set_pool(const config::Pool& pool) const;
  /// Those that were the node's.
  [[nodiscard]] std::vector<PlacedBlock> forget(const std::string& node) const;

 private:
  [[nodiscard]] std::string ask(const std::vector<std::string>& words,
                                const std::string& input = "{}") const;
  const cni::Environment& environment_;
  std::string program_;
  std::chrono::milliseconds patience_;
};

}  // namespace lease
