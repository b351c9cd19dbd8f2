#include "plugin/lease/pool.h"

#include <exception>

#include "base/error.h"
#include "ipam/error.h"
#include "plugin/cni/error.h"
#include "plugin/lease/claim.h"
#include "plugin/lease/shared_bridge.h"

namespace lease {
namespace {

using config::BlockLayout;

std::vector<ipam::RangeSet> sets_of(const std::vector<ipam::Block>& blocks, BlockLayout layout) {
  std::vector<ipam::RangeSet> sets;
  for (const auto& block : blocks) {
    if (block.use != ipam::BlockUse::kGiven) continue;
    sets.push_back(
        {ipam::make_range({.subnet = block.prefix, .whole = layout == BlockLayout::kWhole})});
    if (layout == BlockLayout::kFirstSubnet) break;
  }
  return sets;
}

std::string describe_full(const PoolRequest& wanted, const std::vector<ipam::RangeSet>& sets) {
  const std::string pool = "pool " + wanted.place.name();
  if (sets.empty()) return pool + " has no block on this node that addresses are given of";
  std::uint64_t count = 0;
  std::string blocks;
  for (const auto& set : sets) {
    count += ipam::capacity(set);
    blocks += (blocks.empty() ? "" : ", ") + set.front().subnet.to_string();
  }
  return "no IP addresses available in " + pool + ": all " + std::to_string(count) + " of " +
         (sets.size() == 1 ? "block " : "blocks ") + blocks + " are reserved";
}

/// One try after the other, each with the reservations' lock for itself.
class Attempts {
 public:
  Attempts(const PoolRequest& wanted, const Book& book, const Ground& ground)
      : wanted_(wanted), book_(book), ground_(ground) {}

  // What is read with the lock is not taken away meanwhile.
  std::optional<std::vector<ipam::Allocation>> allocate() {
    const auto store = open();
    if (!store) return std::nullopt;
    blocks_ = require_blocks(wanted_.place);
    sets_ = sets_of(blocks_, wanted_.pools.layout);
    if (sets_.empty()) return std::nullopt;
    ipam::Request request{
        .owner = book_.owner, .sets = sets_, .requested = wanted_.requested, .from_any_set = true};
    std::optional<SharedBridge> bridge;
    if (!ground_.segment.empty()) {
      bridge.emplace(ground_.state_directory, ground_.segment, wanted_.request.network, "");
      request.holder_elsewhere = [&](const auto& address) { return bridge->holder_of(address); };
    }
    try {
      return ipam::allocate(*store, request);
    } catch (const ipam::Exhausted&) {
      return std::nullopt;
    } catch (const ipam::Conflict& error) {
      throw cni::Error(cni::Code::kConflict, error.what());
    }
  }

  // On a bridge the subnet is one, and another block is another subnet.
  void claim() const {
    const bool is_subnet = wanted_.pools.layout == BlockLayout::kFirstSubnet && !sets_.empty();
    if (!wanted_.pools.claims || is_subnet) {
      throw cni::Error(cni::Code::kExhausted, full(),
                       is_subnet ? "a bridge has one block; make the pool's blocks larger"
                                 : "`patchcord block claim " + wanted_.place.name() +
                                       "` gives this node another block");
    }
    try {
      (void)claim_block(wanted_.request.environment, wanted_.place, blocks_);
    } catch (const cni::Error& error) {
      throw cni::Error(error.code(), full() + ", and there is no other: " + error.what(),
                       error.details());
    }
  }

  [[nodiscard]] std::string full() const { return describe_full(wanted_, sets_); }

 private:
  // Nothing is made for a pool of which the node has no block.
  [[nodiscard]] std::unique_ptr<ipam::Store> open() const {
    auto store = ipam::find_host_local_store(book_.place, kLockPatience, wanted_.reclaim);
    if (store || require_blocks(wanted_.place).empty()) return store;
    return ipam::open_host_local_store(book_.place, kLockPatience, wanted_.reclaim);
  }

  const PoolRequest& wanted_;
  const Book& book_;
  const Ground& ground_;
  std::vector<ipam::Block> blocks_;  // as they were at the last try
  std::vector<ipam::RangeSet> sets_;
};

std::optional<std::vector<ipam::Allocation>> claim_and_allocate(Attempts& attempts) {
  // Others may fill what was claimed, before this one has had its turn.
  constexpr int kMostClaims = 3;
  for (int claim = 0; claim < kMostClaims; ++claim) {
    attempts.claim();
    if (auto made = attempts.allocate()) return made;
  }
  return std::nullopt;
}

}  // namespace

std::vector<ipam::Allocation> allocate_in_pool(const PoolRequest& wanted, const Book& book,
                                               const Ground& ground) {
  Attempts attempts(wanted, book, ground);
  if (auto made = attempts.allocate()) return *std::move(made);
  // A block is had quickly, and who looks for the dead looks at everybody.
  std::exception_ptr refusal;
  try {
    if (auto made = claim_and_allocate(attempts)) return *std::move(made);
  } catch (const cni::Error&) {
    refusal = std::current_exception();
  }
  if (wanted.reclaim && ground.make_room && ground.make_room()) {
    if (auto made = attempts.allocate()) return *std::move(made);
  }
  if (refusal) std::rethrow_exception(refusal);
  throw cni::Error(cni::Code::kTryAgainLater, attempts.full());
}

void look_for_free_addresses(const PoolRequest& wanted, const Book& book, const Ground& ground) {
  base::require_writable(book.place.directory);
  const auto sets = sets_of(require_blocks(wanted.place), wanted.pools.layout);
  if (sets.empty() && !wanted.pools.claims) {
    throw cni::Error(cni::Code::kNotReady, describe_full(wanted, sets));
  }
  const auto store = ipam::find_host_local_store(book.place, kStatusPatience, wanted.reclaim);
  if (!sets.empty() && (!store || ipam::any_free(*store, sets))) return;
  ground.report("STATUS: " + describe_full(wanted, sets) +
                (wanted.pools.claims ? "; the next ADD asks for another block" : ""));
}

std::vector<ipam::Block> require_blocks(const ipam::PoolPlace& place) {
  try {
    return ipam::read_blocks(place);
  } catch (const ipam::InvalidRange& error) {
    throw cni::Error(cni::Code::kFile, error.what());
  }
}

std::vector<base::IpPrefix> cidrs_of(const ipam::PoolPlace& place) {
  if (auto pool = config::read_pool(place)) return std::move(pool->cidrs);
  return ipam::prefixes_of(require_blocks(place));
}

}  // namespace lease
