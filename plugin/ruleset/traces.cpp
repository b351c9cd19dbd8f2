// What an attachment without a record has in our tables.
#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "netlink/nft/query.h"
#include "plugin/ruleset/waiting.h"
#include "plugin/ruleset/wanted.h"

namespace ruleset {
namespace {

using netlink::nft::Bytes;

// What place an element has in a queue nobody knows who looks for it, so that these are read.
bool has_trace(netlink::Socket& netfilter, const netlink::nft::Table& table,
               const netlink::nft::FoundSet& set, const Traces& traces) {
  const auto is_own = [&](const auto& found) { return found.comment == traces.owner; };
  if (!map_of(set.name).empty()) {
    const auto waiting = netlink::nft::elements_of(netfilter, table, set.name);
    return std::any_of(waiting.begin(), waiting.end(), is_own);
  }
  return std::any_of(traces.keys.begin(), traces.keys.end(), [&](const auto& key) {
    if (key.size() != set.key_length) return false;
    const auto found = netlink::nft::find_element(netfilter, table, set.name, key);
    return found && is_own(*found);
  });
}

/// Finds all elements of one owner.
class Search {
 public:
  Search(netlink::Socket& netfilter, const Traces& traces)
      : netfilter_(netfilter), traces_(traces) {}

  [[nodiscard]] Wanted find_all() {
    for (const auto& table : {kTable, kBridgeTable}) {
      for (const auto& set : netlink::nft::sets_of(netfilter_, table)) {
        if (may_have(table, set.name)) find_in(table, set.name);
      }
    }
    return std::move(found_);
  }

 private:
  [[nodiscard]] bool may_have(const netlink::nft::Table& table, const std::string& set) const {
    if (traces_.parts.empty()) return true;
    return std::any_of(traces_.parts.begin(), traces_.parts.end(), [&](const Part& part) {
      return part.table == table &&
             std::any_of(part.sets.begin(), part.sets.end(), [&](const auto& each) {
               return each.name == set || each.name == map_of(set);
             });
    });
  }

  // What waits is named by what it waits for, like what has it: to remove one removes the other.
  void find_in(const netlink::nft::Table& table, const std::string& set) {
    const std::string map(map_of(set));
    for (auto& element : netlink::nft::elements_of(netfilter_, table, set)) {
      if (element.comment != traces_.owner) continue;
      if (!map.empty()) element.key.resize(element.key.size() - kPlaceSize);
      const std::string& name = map.empty() ? set : map;
      if (!seen_.insert({to_string(table) + " " + name, element.key}).second) continue;
      found_.elements.push_back(
          {.table = table,
           .set = name,
           .element = {.key = std::move(element.key), .comment = traces_.owner},
           .what = {},
           .is_exclusive = !element.data.empty()});
    }
  }

  netlink::Socket& netfilter_;
  const Traces& traces_;
  std::set<std::pair<std::string, Bytes>> seen_;
  Wanted found_;
};

}  // namespace

// A DEL often comes twice, and the second one has no record to go by: it must not read all sets.
void withdraw_by_traces(netlink::Socket& netfilter, const Traces& traces) {
  for (const auto& table : {kTable, kBridgeTable}) {
    for (const auto& set : netlink::nft::sets_of(netfilter, table)) {
      if (has_trace(netfilter, table, set, traces))
        return withdraw(netfilter, Search(netfilter, traces).find_all());
    }
  }
}

}  // namespace ruleset
