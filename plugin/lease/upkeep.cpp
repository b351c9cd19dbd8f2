#include "plugin/lease/upkeep.h"

#include <algorithm>

#include "ipam/error.h"
#include "plugin/cni/error.h"
#include "plugin/lease/block_routes.h"
#include "plugin/lease/books.h"
#include "plugin/lease/claim.h"
#include "plugin/lease/pool.h"

namespace lease {
namespace {

using base::IpPrefix;
using ipam::Block;
using ipam::BlockUse;

constexpr unsigned kEnough = 4;  // a quarter of a block is to be free

bool has(const std::vector<IpPrefix>& list, const IpPrefix& block) {
  return std::find(list.begin(), list.end(), block) != list.end();
}

// Tells of what fails, and goes on.
template <typename Work>
bool attempt(const Upkeep& upkeep, const std::string& what, Work work) {
  try {
    work();
    return true;
  } catch (const std::exception& error) {
    upkeep.complain(what + ": " + error.what());
    return false;
  }
}

// Who allocates sees the file before or after, and the reservations that it was changed by.
template <typename Change>
void change_with_reservations(const Upkeep& upkeep, const ipam::PoolFiles& files, Change change) {
  const auto store = ipam::open_host_local_store(
      place_of_pool(files.place(), upkeep.state_directory), kLockPatience);
  auto blocks = require_blocks(files.place());
  const auto before = blocks;
  change(blocks, ipam::list_reserved(files.place()));
  if (blocks != before) files.write_blocks(blocks);
}

void mark_lost(const Upkeep& upkeep, const ipam::PoolFiles& files,
               const std::vector<IpPrefix>& owned) {
  change_with_reservations(upkeep, files, [&](auto& blocks, const auto& reserved) {
    for (auto& block : blocks) {
      const bool is_news = !has(owned, block.prefix) && block.use != BlockUse::kLost;
      if (is_news) {
        block.use = BlockUse::kLost;
        upkeep.tell("lost " + block.prefix.to_string() + " of pool " + files.place().name() +
                    ": the source says that it is not this node's");
      } else if (has(owned, block.prefix) && block.use == BlockUse::kLost) {
        block.use = BlockUse::kGiven;
      }
    }
    std::erase_if(blocks, [&](const Block& block) {
      return block.use == BlockUse::kLost && ipam::count_in(block.prefix, reserved) == 0;
    });
  });
}

void compare_with_source(const Upkeep& upkeep, const ipam::PoolFiles& files,
                         const BlockSource& source) {
  const std::string name = files.place().name();
  const Owned owned = source.own(name);
  mark_lost(upkeep, files, owned.blocks);
  for (const auto& block : adopt_blocks(files, owned))
    upkeep.tell("adopted " + block.to_string() + " of pool " + name);
  if (owned.pool.draining) set_draining(files, true);
}

// Absent where blocks are given by hand.
std::optional<BlockSource> find_source(const Upkeep& upkeep) {
  if (config::read_cluster(upkeep.environment).source == config::Cluster::Source::kFile)
    return std::nullopt;
  return BlockSource(upkeep.environment, kClaimPatience);
}

std::vector<ipam::PoolPlace> pools_of(const Upkeep& upkeep) {
  return ipam::list_pools(config::pools_directory_of(upkeep.environment));
}

/// What a pool has, and what of it is free.
struct Stock {
  std::vector<Block> blocks;
  std::vector<base::IpAddress> reserved;

  [[nodiscard]] std::uint64_t free_but(const Block& without) const {
    std::uint64_t free = 0;
    for (const auto& block : blocks) {
      if (block.use != BlockUse::kGiven || block == without) continue;
      free = std::max(free,
                      free + ipam::size_of(block.prefix) - ipam::count_in(block.prefix, reserved));
    }
    return free;
  }
  [[nodiscard]] bool is_empty(const Block& block) const {
    return ipam::count_in(block.prefix, reserved) == 0;
  }
};

Stock look_at(const ipam::PoolFiles& files) {
  return {require_blocks(files.place()), ipam::list_reserved(files.place())};
}

void give_back(const Upkeep& upkeep, const ipam::PoolFiles& files, const Block& block) {
  if (release_block(upkeep, files, block.prefix) == Released::kGone)
    upkeep.tell("released " + block.prefix.to_string() + " of pool " + files.place().name());
}

// The newest first, and never the oldest, which is a bridge's subnet.
void release_surplus(const Upkeep& upkeep, const ipam::PoolFiles& files) {
  const Stock stock = look_at(files);
  for (auto block = stock.blocks.rbegin(); block != stock.blocks.rend(); ++block) {
    if (block->use == BlockUse::kDraining && stock.is_empty(*block))
      give_back(upkeep, files, *block);
  }
  const auto is_given = [](const Block& block) { return block.use == BlockUse::kGiven; };
  const auto oldest = std::find_if(stock.blocks.begin(), stock.blocks.end(), is_given);
  for (auto block = stock.blocks.rbegin(); block != stock.blocks.rend(); ++block) {
    if (!is_given(*block) || *block == *oldest || !stock.is_empty(*block)) continue;
    if (stock.free_but(*block) < ipam::size_of(block->prefix) / kEnough) continue;
    return give_back(upkeep, files, *block);  // one at a time
  }
}

// A source that has no more is no failure as long as there is room.
void claim_ahead(const Upkeep& upkeep, const ipam::PoolFiles& files) {
  const auto pool = config::read_pool(files.place());
  const Stock stock = look_at(files);
  const bool is_by_hand = !find_source(upkeep) && !(pool && pool->is_local);
  if (is_by_hand || (pool && pool->draining)) return;
  const auto free = stock.free_but({});
  const auto given = std::find_if(stock.blocks.begin(), stock.blocks.end(),
                                  [](const Block& block) { return block.use == BlockUse::kGiven; });
  if (given != stock.blocks.end() && free >= ipam::size_of(given->prefix) / kEnough) return;
  try {
    const auto claimed = claim_locked(upkeep.environment, files, kClaimPatience);
    upkeep.tell("claimed " + claimed.block.to_string() + " of pool " + files.place().name());
  } catch (const cni::Error& error) {
    if (error.code() != static_cast<unsigned>(cni::Code::kExhausted) || free == 0) throw;
  }
}

// What the source says, if it says anything; its silence is told of once.
void compare_all(const Upkeep& upkeep) {
  const auto source = find_source(upkeep);
  if (!source) return;
  for (const auto& place : pools_of(upkeep)) {
    const bool answered = attempt(upkeep, "pool " + place.name(), [&] {
      compare_with_source(upkeep, ipam::PoolFiles(place, kLockPatience), *source);
    });
    if (!answered) return;
  }
}

}  // namespace

void announce_blocks(const Upkeep& upkeep) {
  std::vector<IpPrefix> wanted;
  bool is_complete = true;
  for (const auto& place : pools_of(upkeep)) {
    is_complete &= attempt(upkeep, "pool " + place.name(), [&] {
      for (const auto& block : require_blocks(place)) {
        if (block.use != BlockUse::kLost) wanted.push_back(block.prefix);
      }
    });
  }
  netlink::Socket host;
  for (const auto& block : wanted) {
    attempt(upkeep, "route", [&] {
      if (add_block_route(host, block)) upkeep.tell("announced " + block.to_string());
    });
  }
  if (!is_complete) return;
  for (const auto& block : find_block_routes(host)) {
    if (!has(wanted, block) && remove_block_route(host, block))
      upkeep.tell("no more announced " + block.to_string());
  }
}

void boot_blocks(const Upkeep& upkeep) {
  compare_all(upkeep);
  announce_blocks(upkeep);
}

void keep_blocks(const Upkeep& upkeep) {
  compare_all(upkeep);
  for (const auto& place : pools_of(upkeep)) {
    attempt(upkeep, "pool " + place.name(), [&] {
      const ipam::PoolFiles files(place, kLockPatience);
      release_surplus(upkeep, files);
      claim_ahead(upkeep, files);
    });
  }
  announce_blocks(upkeep);
}

// In the other order than a claim: what is given back is nobody's to give by then, and not
// announced.
Released release_block(const Upkeep& upkeep, const ipam::PoolFiles& files, const IpPrefix& block) {
  bool is_there = false;
  bool is_empty = true;
  change_with_reservations(upkeep, files, [&](auto& blocks, const auto& reserved) {
    const auto at = std::find_if(blocks.begin(), blocks.end(),
                                 [&](const Block& each) { return each.prefix == block; });
    is_there = at != blocks.end();
    if (!is_there) return;
    is_empty = ipam::count_in(block, reserved) == 0;
    if (is_empty) {
      blocks.erase(at);
    } else if (at->use == BlockUse::kGiven) {
      at->use = BlockUse::kDraining;
    }
  });
  if (!is_there) {
    throw cni::Error(cni::Code::kConflict, "this node has no block " + block.to_string() +
                                               " of pool " + files.place().name());
  }
  if (!is_empty) return Released::kDraining;
  netlink::Socket host;
  (void)remove_block_route(host, block);
  if (const auto source = find_source(upkeep)) source->release(files.place().name(), block);
  return Released::kGone;
}

std::vector<IpPrefix> adopt_blocks(const ipam::PoolFiles& files, const Owned& owned) {
  auto blocks = require_blocks(files.place());
  std::vector<IpPrefix> adopted;
  for (const auto& block : owned.blocks) {
    if (has(ipam::prefixes_of(blocks), block)) continue;
    blocks.push_back({.prefix = block});
    adopted.push_back(block);
  }
  const std::string definition = config::print_pool(owned.pool);
  if (ipam::read_definition(files.place()) != definition) files.write_definition(definition);
  if (!adopted.empty()) files.write_blocks(blocks);
  return adopted;
}

void take_block(const ipam::PoolFiles& files, const IpPrefix& block) {
  auto blocks = require_blocks(files.place());
  const auto pool = config::read_pool(files.place());
  if (pool && !ipam::BlockSpace(pool->cidrs, pool->block).number_of(block)) {
    throw cni::Error(cni::Code::kConflict, block.to_string() + " is no block of pool " +
                                               files.place().name() + " (blocks of /" +
                                               std::to_string(pool->block) + ")");
  }
  for (const auto& each : blocks) {
    if (each.prefix.overlaps(block))
      throw cni::Error(cni::Code::kConflict,
                       "this node has " + each.prefix.to_string() + " already");
  }
  blocks.push_back({.prefix = block});
  files.write_blocks(blocks);
  netlink::Socket host;
  (void)add_block_route(host, block);
}

void set_draining(const ipam::PoolFiles& files, bool is_draining) {
  auto blocks = require_blocks(files.place());
  const auto before = blocks;
  for (auto& block : blocks) {
    if (block.use != BlockUse::kLost)
      block.use = is_draining ? BlockUse::kDraining : BlockUse::kGiven;
  }
  if (blocks != before) files.write_blocks(blocks);
}

}  // namespace lease
