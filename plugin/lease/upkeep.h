#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ipam/blocks.h"
#include "plugin/lease/block_source.h"

/// What is done about a node's blocks besides claiming one: at the boot, every minute, and by hand.
namespace lease {

struct Upkeep {
  const cni::Environment& environment;
  std::string state_directory;
  /// Takes a line: what was done.
  std::function<void(const std::string&)> tell;
  /// Takes a line: what could not be done, and why.
  std::function<void(const std::string&)> complain;
};

/// Has the kernel a route for each block of the files that is not lost, and for no other.
void announce_blocks(const Upkeep& upkeep);

/// What the node lost is marked as such, or forgotten where no pod is in it, and what it has by the
/// source but not in its files comes into them; then they are announced. Without an answer of the
/// source the files count.
void boot_blocks(const Upkeep& upkeep);

/// The same; then gives back draining blocks without pods and those that are more than is needed,
/// and claims one where less than a quarter of a block is free.
void keep_blocks(const Upkeep& upkeep);

enum class Released : unsigned char { kGone, kDraining };
/// Gives a block back; where pods are in it, it drains, and keep_blocks() gives it back. Throws
/// cni::Error{kConflict} where the node has no such block.
Released release_block(const Upkeep& upkeep, const ipam::PoolFiles& files,
                       const base::IpPrefix& block);

/// Blocks that the source gave to this node are put into its file; those that were missing.
std::vector<base::IpPrefix> adopt_blocks(const ipam::PoolFiles& files, const Owned& owned);
/// A block that a person gives this node.
void take_block(const ipam::PoolFiles& files, const base::IpPrefix& block);
/// Nothing more is given of any of them, or again.
void set_draining(const ipam::PoolFiles& files, bool is_draining);

}  // namespace lease
