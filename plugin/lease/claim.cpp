#include "plugin/lease/claim.h"

#include "base/error.h"
#include "plugin/cni/error.h"
#include "plugin/lease/block_routes.h"

namespace lease {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

config::Pool require_local(const ipam::PoolPlace& place) {
  if (auto pool = config::read_pool(place); pool && pool->is_local) return *std::move(pool);
  throw cni::Error(cni::Code::kExhausted,
                   "blocks of pool " + place.name() + " are given by hand on this node",
                   "`patchcord block claim " + place.name() + " BLOCK` gives it one");
}

bool is_by_hand(const cni::Environment& environment) {
  return config::read_cluster(environment).source == config::Cluster::Source::kFile;
}

// Of a pool that is this node's alone.
Claimed choose_here(const ipam::PoolFiles& files) {
  const std::string name = files.place().name();
  auto pool = require_local(files.place());
  const auto had = ipam::prefixes_of(files.blocks());
  const auto block = ipam::BlockSpace(pool.cidrs, pool.block).first_but(had);
  if (pool.draining || !block || (pool.max_blocks != 0 && had.size() >= pool.max_blocks)) {
    throw cni::Error(cni::Code::kExhausted,
                     pool.draining ? "pool " + name + " is being drained"
                                   : "pool " + name + " has no other block for this node",
                     "`patchcord pool grow " + name + " CIDR` makes it larger");
  }
  return {.block = *block, .is_adopted = false, .pool = std::move(pool)};
}

// Nothing is given of a block that another one overlaps, or that the pool does not have.
void refuse_foreign(const Claimed& claimed, const std::vector<ipam::Block>& blocks) {
  const auto& block = claimed.block;
  if (!ipam::BlockSpace(claimed.pool.cidrs, claimed.pool.block).number_of(block)) {
    throw cni::Error(cni::Code::kTryAgainLater, "the source gave " + block.to_string() +
                                                    ", which is no block of pool " +
                                                    claimed.pool.name);
  }
  for (const auto& each : blocks) {
    if (!each.prefix.overlaps(block) || each.use == ipam::BlockUse::kLost) continue;
    throw cni::Error(cni::Code::kTryAgainLater,
                     "the source gave " + block.to_string() + ", which this node has already");
  }
}

Claimed ask_source(const cni::Environment& environment, const ipam::PoolFiles& files,
                   milliseconds patience) {
  if (is_by_hand(environment)) return choose_here(files);
  auto blocks = files.blocks();
  std::erase_if(blocks, [](const auto& each) { return each.use == ipam::BlockUse::kLost; });
  return BlockSource(environment, patience).claim(files.place().name(), ipam::prefixes_of(blocks));
}

// The file before the route: what is announced is this node's by then.
void take(const ipam::PoolFiles& files, const Claimed& claimed) {
  auto blocks = files.blocks();
  refuse_foreign(claimed, blocks);
  std::erase_if(blocks, [&](const auto& each) { return each.prefix.overlaps(claimed.block); });
  blocks.push_back({.prefix = claimed.block});
  if (ipam::read_definition(files.place()) != config::print_pool(claimed.pool))
    files.write_definition(config::print_pool(claimed.pool));
  files.write_blocks(blocks);
  netlink::Socket host;
  (void)add_block_route(host, claimed.block);
}

}  // namespace

Claimed claim_locked(const cni::Environment& environment, const ipam::PoolFiles& files,
                     milliseconds patience) {
  Claimed claimed = ask_source(environment, files, patience);
  take(files, claimed);
  return claimed;
}

std::optional<Claimed> claim_block(const cni::Environment& environment,
                                   const ipam::PoolPlace& place,
                                   const std::vector<ipam::Block>& seen) {
  const auto deadline = Clock::now() + kClaimPatience;
  // Before anything is made for it.
  if (is_by_hand(environment)) (void)require_local(place);
  const ipam::PoolFiles files(place, kClaimPatience);
  if (files.blocks() != seen) return std::nullopt;
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
  return claim_locked(environment, files, std::max(left, milliseconds(0)));
}

}  // namespace lease
