#include "plugin/ruleset/wanted.h"

#include <algorithm>
#include <span>

#include "netlink/nft/query.h"
#include "netlink/nft/transaction.h"
#include "plugin/cni/error.h"
#include "plugin/ruleset/commit.h"
#include "plugin/ruleset/unused.h"

namespace ruleset {

using netlink::nft::Bytes;
using netlink::nft::TableFamily;
using netlink::nft::Transaction;

const netlink::nft::Table kTable = {.family = TableFamily::kInet, .name = "patchcord"};
const netlink::nft::Table kBridgeTable = {.family = TableFamily::kBridge, .name = "patchcord"};

namespace {

// How many rules there are is what the kernel tells at once; who alters a rule of ours and leaves
// their number as it was gets what he asked for.
std::string problem_of(netlink::Socket& netfilter, const netlink::nft::Table& table,
                       const Chain& chain) {
  const auto found = netlink::nft::find_chain(netfilter, table, chain.chain.name);
  if (!found) return "is missing";
  const bool whole = found->use == chain.rules.size() + chain.jumps;
  return whole ? "" : "does not have the rules that it was made with";
}

bool is_whole(netlink::Socket& netfilter, const Part& part) {
  return std::all_of(part.chains.begin(), part.chains.end(), [&](const Chain& chain) {
    return problem_of(netfilter, part.table, chain).empty();
  });
}

// In an order in which each thing finds what it refers to, and so that it does not matter what of
// it is there.
void make(Transaction& transaction, const Part& part) {
  transaction.add_table(part.table);
  for (const auto& set : part.sets) transaction.add_set(part.table, set);
  for (const Chain& chain : part.chains) transaction.add_chain(part.table, chain.chain);
  for (const Chain& chain : part.chains) transaction.flush_chain(part.table, chain.chain.name);
  for (const Chain& chain : part.chains) {
    for (const auto& rule : chain.rules) transaction.add_rule(part.table, chain.chain.name, rule);
  }
}

/// What is to become of elements, set by set: a request for each would be too much for thousands.
class Changes {
 public:
  void add(const Element& element) {
    of(element.table, element.set).added.push_back(element.element);
  }
  void remove(const netlink::nft::Table& table, const std::string& set, Bytes key) {
    of(table, set).removed.push_back(std::move(key));
  }

  // What is replaced goes first.
  void write(Transaction& transaction) const {
    for (const OfSet& each : sets_) transaction.remove_elements(each.table, each.set, each.removed);
    for (const OfSet& each : sets_) transaction.add_elements(each.table, each.set, each.added);
  }

 private:
  struct OfSet {
    netlink::nft::Table table;
    std::string set;
    std::vector<netlink::nft::Element> added;
    std::vector<Bytes> removed;
  };

  OfSet& of(const netlink::nft::Table& table, const std::string& set) {
    const auto at = std::find_if(sets_.begin(), sets_.end(), [&](const OfSet& each) {
      return each.table == table && each.set == set;
    });
    return at != sets_.end() ? *at : sets_.emplace_back(OfSet{table, set, {}, {}});
  }

  std::vector<OfSet> sets_;
};

// Adds nothing where the element is there.
void put(netlink::Socket& netfilter, Changes& changes, const Element& wanted,
         const IsLive& is_live) {
  const auto found =
      netlink::nft::find_element(netfilter, wanted.table, wanted.set, wanted.element.key);
  if (found && found->comment == wanted.element.comment && found->data == wanted.element.data)
    return;
  if (found) {
    if (wanted.is_exclusive && found->comment != wanted.element.comment && is_live(found->comment))
      throw cni::Error(cni::Code::kConflict, wanted.what + " is that of " + found->comment);
    changes.remove(wanted.table, wanted.set, wanted.element.key);
  }
  changes.add(wanted);
}

void remove_if_of(netlink::Socket& netfilter, Changes& changes, const Element& wanted) {
  const auto found =
      netlink::nft::find_element(netfilter, wanted.table, wanted.set, wanted.element.key);
  if (found && found->comment == wanted.element.comment)
    changes.remove(wanted.table, wanted.set, wanted.element.key);
}

void remove_elements(netlink::Socket& netfilter, Transaction& transaction,
                     std::span<const Element> elements) {
  Changes changes;
  for (const Element& element : elements) remove_if_of(netfilter, changes, element);
  changes.write(transaction);
}

std::string problem_of(netlink::Socket& netfilter, const Element& wanted) {
  const auto found =
      netlink::nft::find_element(netfilter, wanted.table, wanted.set, wanted.element.key);
  if (!found) return "is missing";
  if (found->comment != wanted.element.comment) return "is that of " + found->comment;
  return found->data == wanted.element.data ? "" : "leads to another place";
}

std::string text_of(const Element& element, const Wanted& wanted) {
  for (const Part& part : wanted.parts) {
    if (!(part.table == element.table)) continue;
    for (const auto& set : part.sets) {
      if (set.name != element.set) continue;
      std::string key = netlink::nft::to_string(set.key, element.element.key);
      if (set.data.empty()) return key;
      return key + " : " + netlink::nft::to_string(set.data, element.element.data);
    }
  }
  return "";
}

// "nftables chain inet patchcord host_ports"
std::string name_of(const Condition& condition) {
  const std::string place = to_string(condition.table) + " " + condition.name;
  if (condition.is_chain) return "nftables chain " + place;
  return condition.what + ": the element in nftables set " + place;
}

bool has_trace(netlink::Socket& netfilter, const netlink::nft::Table& table,
               const netlink::nft::FoundSet& set, const Traces& traces) {
  return std::any_of(traces.keys.begin(), traces.keys.end(), [&](const auto& key) {
    if (key.size() != set.key_length) return false;
    const auto found = netlink::nft::find_element(netfilter, table, set.name, key);
    return found && found->comment == traces.owner;
  });
}

bool may_have(const Traces& traces, const netlink::nft::Table& table, const std::string& set) {
  if (traces.parts.empty()) return true;
  return std::any_of(traces.parts.begin(), traces.parts.end(), [&](const Part& part) {
    return part.table == table && std::any_of(part.sets.begin(), part.sets.end(),
                                              [&](const auto& each) { return each.name == set; });
  });
}

void find_in(netlink::Socket& netfilter, const netlink::nft::Table& table, const std::string& set,
             const std::string& owner, Wanted& found) {
  for (auto& element : netlink::nft::elements_of(netfilter, table, set)) {
    if (element.comment != owner) continue;
    found.elements.push_back({.table = table,
                              .set = set,
                              .element = {.key = std::move(element.key), .comment = owner},
                              .what = {}});
  }
}

Wanted find_all_of(netlink::Socket& netfilter, const Traces& traces) {
  Wanted found;
  for (const auto& table : {kTable, kBridgeTable}) {
    for (const auto& set : netlink::nft::sets_of(netfilter, table)) {
      if (may_have(traces, table, set.name))
        find_in(netfilter, table, set.name, traces.owner, found);
    }
  }
  return found;
}

// A removal must work where no room is to be had for a transaction of any length, and where others
// change the ruleset all the time: so many elements fit into what every socket has, and are looked
// up faster than others come by.
constexpr std::size_t kRemovedAtOnce = 1000;

void withdraw_some(netlink::Socket& netfilter, std::span<const Element> elements) {
  commit_repeatedly(netfilter, [&](Transaction& transaction, int) {
    remove_elements(netfilter, transaction, elements);
  });
}

// All but the last of them, which is returned.
std::span<const Element> withdraw_all_but_some(netlink::Socket& netfilter,
                                               std::span<const Element> elements) {
  for (; elements.size() > kRemovedAtOnce; elements = elements.subspan(kRemovedAtOnce))
    withdraw_some(netfilter, elements.first(kRemovedAtOnce));
  return elements;
}

}  // namespace

// Mostly the parts are whole and the elements new, so at first no element is looked for.
void publish(netlink::Socket& netfilter, const Wanted& wanted, const IsLive& is_live) {
  commit_repeatedly(netfilter, [&](Transaction& transaction, int attempt) {
    for (const Part& part : wanted.parts) {
      if (!is_whole(netfilter, part)) make(transaction, part);
    }
    Changes changes;
    for (const Element& element : wanted.elements) {
      if (attempt == 0) {
        changes.add(element);
      } else {
        put(netfilter, changes, element, is_live);
      }
    }
    changes.write(transaction);
  });
}

void withdraw(netlink::Socket& netfilter, const Wanted& wanted) {
  withdraw_some(netfilter, withdraw_all_but_some(netfilter, wanted.elements));
}

void withdraw_last(netlink::Socket& netfilter, const Wanted& wanted, const std::string& network) {
  const auto last = withdraw_all_but_some(netfilter, wanted.elements);
  commit_repeatedly(netfilter, [&](Transaction& transaction, int) {
    remove_elements(netfilter, transaction, last);
    remove_unused(netfilter, transaction, network, last);
  });
}

std::vector<Condition> look_at(netlink::Socket& netfilter, const Wanted& wanted) {
  std::vector<Condition> conditions;
  for (const Part& part : wanted.parts) {
    for (const Chain& chain : part.chains) {
      conditions.push_back({.table = part.table,
                            .is_chain = true,
                            .name = chain.chain.name,
                            .text = {},
                            .what = {},
                            .problem = problem_of(netfilter, part.table, chain)});
    }
  }
  for (const Element& element : wanted.elements) {
    conditions.push_back({.table = element.table,
                          .is_chain = false,
                          .name = element.set,
                          .text = text_of(element, wanted),
                          .what = element.what,
                          .problem = problem_of(netfilter, element)});
  }
  return conditions;
}

std::vector<std::string> find_missing(netlink::Socket& netfilter, const Wanted& wanted) {
  std::vector<std::string> findings;
  for (const Condition& each : look_at(netfilter, wanted)) {
    if (!each.problem.empty()) findings.push_back(name_of(each) + " " + each.problem);
  }
  return findings;
}

// A DEL often comes twice, and the second one has no record to go by: it must not read all sets.
void withdraw_by_traces(netlink::Socket& netfilter, const Traces& traces) {
  for (const auto& table : {kTable, kBridgeTable}) {
    for (const auto& set : netlink::nft::sets_of(netfilter, table)) {
      if (has_trace(netfilter, table, set, traces)) {
        withdraw(netfilter, find_all_of(netfilter, traces));
        return;
      }
    }
  }
}

}  // namespace ruleset
