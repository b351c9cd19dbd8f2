#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/ip_address.h"
#include "base/ip_prefix.h"

/// Pools of addresses that several nodes share, of which each node has whole blocks.
namespace ipam {

/// The blocks of one length that CIDRs of one family are made of, numbered from 0 in their order.
class BlockSpace {
 public:
  /// Throws InvalidRange: no CIDR, host bits, two families, a block longer than its family's
  /// addresses or shorter than a CIDR, CIDRs that overlap.
  BlockSpace(std::vector<base::IpPrefix> cidrs, unsigned length);

  /// Saturates at UINT64_MAX.
  [[nodiscard]] std::uint64_t count() const noexcept;
  /// `number` is less than count().
  [[nodiscard]] base::IpPrefix at(std::uint64_t number) const;
  /// Absent for what is none of the blocks.
  [[nodiscard]] std::optional<std::uint64_t> number_of(const base::IpPrefix& block) const;
  /// The first block that is not among `taken`; absent where there is none.
  [[nodiscard]] std::optional<base::IpPrefix> first_but(
      const std::vector<base::IpPrefix>& taken) const;

 private:
  [[nodiscard]] std::uint64_t count_in(const base::IpPrefix& cidr) const noexcept;
  std::vector<base::IpPrefix> cidrs_;
  unsigned length_;
};

/// What becomes of a block that a node has.
enum class BlockUse : std::uint8_t {
  kGiven,
  kDraining,  // "drain": announced, but no address of it is given any more
  kLost       // "lost": it is another node's by now; neither announced nor given
};

struct Block {
  base::IpPrefix prefix;
  BlockUse use = BlockUse::kGiven;
  friend bool operator==(const Block&, const Block&) = default;
};

/// The text of a file `blocks`: a block a line and a word for its use, the oldest first. Blank
/// lines and what follows a '#' are for people. Throws InvalidRange, naming `path` and the line: no
/// CIDR, host bits, another word, blocks of two families, or that overlap.
[[nodiscard]] std::vector<Block> parse_blocks(std::string_view text, std::string_view path);
[[nodiscard]] std::string print_blocks(const std::vector<Block>& blocks);
[[nodiscard]] std::vector<base::IpPrefix> prefixes_of(const std::vector<Block>& blocks);

/// How a pool may be called: letters, digits, '.', '_' and '-', not beginning with one of the last
/// three, at most 63 of them.
[[nodiscard]] bool is_pool_name(std::string_view name);

/// The directory of one pool on this node, `<pools>/<name>`:
///   pool.json   what the pool is, the same on all nodes
///   blocks      which blocks of it this node has
///   lock        held with flock(2) by whoever changes the two
///   addresses   the reservations in them, as host-local's (HostLocalPlace::directory)
/// Readers take no lock: the files are replaced as a whole. Who takes a block away holds the lock
/// of the reservations, too, and has seen that there are none in it; who allocates reads `blocks`
/// with that lock.
struct PoolPlace {
  std::string directory;

  [[nodiscard]] std::string name() const;
  [[nodiscard]] std::string addresses() const { return directory + "/addresses"; }
  [[nodiscard]] std::string blocks_path() const { return directory + "/blocks"; }
  [[nodiscard]] std::string definition_path() const { return directory + "/pool.json"; }
};

/// None where the node has none. Throws as parse_blocks(), or base::SystemError.
[[nodiscard]] std::vector<Block> read_blocks(const PoolPlace& pool);
/// Of pool.json; absent where there is none.
[[nodiscard]] std::optional<std::string> read_definition(const PoolPlace& pool);
/// The pools of this node, by name.
[[nodiscard]] std::vector<PoolPlace> list_pools(const std::string& pools_directory);

/// Every address of the pool that somebody holds, in ascending order, without a lock: a look, or
/// one of who holds that of the reservations.
[[nodiscard]] std::vector<base::IpAddress> list_reserved(const PoolPlace& pool);
/// How many of them, in ascending order, lie in the block.
[[nodiscard]] std::size_t count_in(const base::IpPrefix& block,
                                   const std::vector<base::IpAddress>& reserved);
/// How many addresses a block has; saturates.
[[nodiscard]] std::uint64_t size_of(const base::IpPrefix& block);

/// A pool's files with its lock, for who changes them. What is written outlasts a loss of power.
class PoolFiles {
 public:
  /// Makes the directory. Throws base::LockTimeout where the lock is not to be had in time.
  PoolFiles(PoolPlace place, std::chrono::milliseconds patience);

  [[nodiscard]] const PoolPlace& place() const noexcept { return place_; }
  [[nodiscard]] std::vector<Block> blocks() const { return read_blocks(place_); }
  void write_blocks(const std::vector<Block>& blocks) const;
  void write_definition(std::string_view json) const;

 private:
  PoolPlace place_;
  base::UniqueFd directory_;
  base::FileLock lock_;
};

}  // namespace ipam
