#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "netlink/nft/object.h"
#include "netlink/socket.h"

/// Looks into the ruleset, by key: what is asked costs the same however much there is. Absent
/// where the thing, or what it would be in, is not there. Throws Error.
namespace netlink::nft {

/// The number of the ruleset as it is now; each change of whatever table makes it another.
[[nodiscard]] std::uint32_t generation(Socket& socket);

[[nodiscard]] bool has_table(Socket& socket, const Table& table);

struct FoundChain {
  unsigned use = 0;    // rules in it, and jumps to it
  bool drops = false;  // its policy
};
[[nodiscard]] std::optional<FoundChain> find_chain(Socket& socket, const Table& table,
                                                   const std::string& chain);

struct FoundElement {
  Bytes key;
  Bytes data;
  std::string comment;
};
[[nodiscard]] std::optional<FoundElement> find_element(Socket& socket, const Table& table,
                                                       const std::string& set, const Bytes& key);

struct FoundSet {
  std::string name;
  std::size_t key_length = 0;  // bytes
};
/// The sets and maps of one table that have a name. A table has a few.
[[nodiscard]] std::vector<FoundSet> sets_of(Socket& socket, const Table& table);

/// All that a set has, at that cost.
[[nodiscard]] std::vector<FoundElement> elements_of(Socket& socket, const Table& table,
                                                    const std::string& set);

}  // namespace netlink::nft
