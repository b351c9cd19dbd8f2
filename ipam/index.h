#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "ipam/mapped_memory.h"
#include "ipam/probe_table.h"
#include "ipam/range.h"

namespace ipam {

/// Which state of which directory an index describes.
struct DirectoryState {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t seconds = 0;  // of the modification time
  std::int64_t nanoseconds = 0;
  friend bool operator==(const DirectoryState&, const DirectoryState&) = default;
};

/// The reservations by address and by owner, in memory that a file may keep from one operation to
/// the next.
///
/// Two hash tables behind a header. The first one has a slot of 256 bits for each run of 256
/// addresses with a reservation, so that a free address is found in a few steps; the other one has
/// a slot for each reservation, found by its container. The file's form is private to this program
/// in this version: another one makes its index anew.
///
/// An index is a hint. Whoever uses it must compare with the reservations themselves.
class Index {
 public:
  /// The index kept at `path`, if it is whole and describes `state`.
  static std::optional<Index> open(const std::string& path, const DirectoryState& state);
  /// An empty one, kept at `path` or, where that cannot be, in memory only. It describes no state
  /// yet.
  static Index make(const std::string& path);

  /// Reserved, but by no owner that could ask for it.
  void add(const base::IpAddress& address);
  void add(const base::IpAddress& address, std::string_view container_id);
  void remove(const base::IpAddress& address, std::string_view container_id);

  /// Those of all the container's interfaces, in ascending order.
  [[nodiscard]] std::vector<base::IpAddress> addresses_of(std::string_view container_id) const;
  /// The first address at or after `from` and up to `last` that is not reserved.
  [[nodiscard]] std::optional<base::IpAddress> next_free(const base::IpAddress& from,
                                                         const base::IpAddress& last) const;

  [[nodiscard]] const DirectoryState& state() const;
  void set_state(const DirectoryState& state);

 private:
  struct Header;
  struct BlockSlot;
  struct OwnerSlot;

  Index(std::string path, MappedMemory memory);
  static std::size_t size_of(std::uint32_t blocks, std::uint32_t owners);
  static MappedMemory make_memory(const std::string& path, std::uint32_t blocks,
                                  std::uint32_t owners);

  [[nodiscard]] Header& header() const;
  [[nodiscard]] ProbeTable<BlockSlot> blocks() const;
  [[nodiscard]] ProbeTable<OwnerSlot> owners() const;
  [[nodiscard]] bool is_whole() const;
  void make_room();

  std::string path_;
  MappedMemory memory_;
};

}  // namespace ipam
