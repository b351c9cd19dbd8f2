#pragma once

#include "ipam/allocator.h"
#include "plugin/lease/books.h"
#include "plugin/lease/lease.h"

/// An address of a pool: from the node's blocks, and where they are full, from one more.
namespace lease {

struct PoolRequest {
  const cni::Request& request;
  const config::Pools& pools;
  const ipam::PoolPlace& place;
  std::optional<ipam::Reclaim> reclaim;
  std::vector<base::IpAddress> requested;  // one of its blocks at most
};

/// Throws cni::Error{kExhausted} or what a claim does.
[[nodiscard]] std::vector<ipam::Allocation> allocate_in_pool(const PoolRequest& wanted,
                                                             const Book& book,
                                                             const Ground& ground);

/// As look_for_free_addresses(), of one pool.
void look_for_free_addresses(const PoolRequest& wanted, const Book& book, const Ground& ground);

/// ipam::read_blocks(), with cni::Error{kFile} for a file that is none.
[[nodiscard]] std::vector<ipam::Block> require_blocks(const ipam::PoolPlace& place);

/// What its addresses are reached by without masquerading: the pool's CIDRs, or without its
/// pool.json the blocks.
[[nodiscard]] std::vector<base::IpPrefix> cidrs_of(const ipam::PoolPlace& place);

}  // namespace lease
