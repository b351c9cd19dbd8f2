#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "netlink/nft/object.h"
#include "netlink/nft/query.h"
#include "netlink/socket.h"
#include "plugin/ruleset/wanted.h"

/// What several interfaces of one container want, one has at a time: a key of a map leads to one
/// place. The elements of the others wait in a map beside, which no rule looks into, each under the
/// same key and its place in the queue, for whoever removes the one before them to put it there.
namespace ruleset {

/// Of the place in the queue, at the end of a key there, in bytes.
inline constexpr std::size_t kPlaceSize = sizeof(std::uint32_t);

/// "ports4_next", of the map "ports4".
[[nodiscard]] std::string queue_of(const std::string& map);
/// The map that such a queue belongs to; empty for any other set.
[[nodiscard]] std::string_view map_of(std::string_view queue);

/// Whether both are interfaces of one container. Of a name that was shortened nobody can tell.
[[nodiscard]] bool are_of_one_container(const std::string& owner, const std::string& other);

/// The queues as they are now. Each is read once, when it is asked for first.
class Queues {
 public:
  explicit Queues(netlink::Socket& netfilter) : netfilter_(netfilter) {}

  struct Waiting {
    std::uint32_t place = 0;
    netlink::nft::FoundElement element;  // its key is the queue's
  };
  /// Those who wait for a key of a map to be free, the first one first.
  [[nodiscard]] const std::vector<Waiting>& behind(const Element& element);
  /// The one of them that has the element's owner, or null.
  [[nodiscard]] const Waiting* find_own(const Element& element);
  /// The element as the last of its queue.
  [[nodiscard]] Element put_last(const Element& element);
  /// The map that is the queue of `map`.
  [[nodiscard]] static netlink::nft::Set make(const netlink::nft::Set& map);

 private:
  using Key = std::pair<std::string, netlink::nft::Bytes>;
  void read(const netlink::nft::Table& table, const std::string& map);

  netlink::Socket& netfilter_;
  std::set<std::string> read_;
  std::map<Key, std::vector<Waiting>> waiting_;
};

}  // namespace ruleset
