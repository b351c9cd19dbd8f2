#pragma once

#include <optional>
#include <vector>

#include "ipam/blocks.h"
#include "plugin/lease/block_source.h"

/// One more block for this node: from the source, into the file, and announced.
namespace lease {

/// As claim_block(), of a pool's files that are locked already.
[[nodiscard]] Claimed claim_locked(const cni::Environment& environment,
                                   const ipam::PoolFiles& files,
                                   std::chrono::milliseconds patience);

/// Absent where the file has others than `seen` by the time that it is locked: somebody else was
/// quicker. Throws as BlockSource, and kExhausted where blocks are given by hand.
[[nodiscard]] std::optional<Claimed> claim_block(const cni::Environment& environment,
                                                 const ipam::PoolPlace& place,
                                                 const std::vector<ipam::Block>& seen);

}  // namespace lease
