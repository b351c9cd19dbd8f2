#include "plugin/ruleset/wanted.h"

#include <algorithm>
#include <span>
#include <utility>

#include "netlink/nft/query.h"
#include "netlink/nft/transaction.h"
#include "plugin/cni/error.h"
#include "plugin/ruleset/commit.h"
#include "plugin/ruleset/unused.h"
#include "plugin/ruleset/waiting.h"

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

// All that is looked at and changed in one transaction.
struct Work {
  netlink::Socket& netfilter;
  Changes changes{};
  Queues queues{netfilter};
};

auto find(netlink::Socket& netfilter, const Element& wanted) {
  return netlink::nft::find_element(netfilter, wanted.table, wanted.set, wanted.element.key);
}

[[noreturn]] void refuse(const Element& wanted, const std::string& owner) {
  throw cni::Error(cni::Code::kConflict, wanted.what + " is that of " + owner);
}

// A container has what it wants, and so do its other interfaces, one after the other.
bool must_wait(Work& work, const Element& wanted, const std::string& owner, const IsLive& is_live) {
  const auto is_others = [&](const std::string& other) {
    return !are_of_one_container(wanted.element.comment, other) && is_live(other);
  };
  if (is_others(owner)) refuse(wanted, owner);
  for (const auto& waiting : work.queues.behind(wanted)) {
    if (is_others(waiting.element.comment)) refuse(wanted, waiting.element.comment);
  }
  return are_of_one_container(wanted.element.comment, owner) && is_live(owner);
}

void wait(Work& work, const Element& wanted) {
  const auto* own = work.queues.find_own(wanted);
  if (own != nullptr && own->element.data == wanted.element.data) return;
  if (own != nullptr) work.changes.remove(wanted.table, queue_of(wanted.set), own->element.key);
  work.changes.add(work.queues.put_last(wanted));
}

// Adds nothing where the element is there. Returns whether it has to wait for another.
bool put(Work& work, const Element& wanted, const IsLive& is_live) {
  const auto found = find(work.netfilter, wanted);
  const bool is_own = found && found->comment == wanted.element.comment;
  if (is_own && found->data == wanted.element.data) return false;
  if (found && !is_own && wanted.is_exclusive && must_wait(work, wanted, found->comment, is_live)) {
    wait(work, wanted);
    return true;
  }
  if (found) work.changes.remove(wanted.table, wanted.set, wanted.element.key);
  work.changes.add(wanted);
  return false;
}

void add_queue(Transaction& transaction, const Wanted& wanted, const Element& waiting) {
  for (const Part& part : wanted.parts) {
    if (!(part.table == waiting.table)) continue;
    for (const auto& set : part.sets) {
      if (set.name == waiting.set) transaction.add_set(part.table, Queues::make(set));
    }
  }
}

// The first one of those who wait gets the place.
void pass_on(Work& work, const Element& left) {
  for (const auto& waiting : work.queues.behind(left)) {
    if (waiting.element.comment == left.element.comment) continue;
    work.changes.remove(left.table, queue_of(left.set), waiting.element.key);
    Element next = left;
    next.element.data = waiting.element.data;
    next.element.comment = waiting.element.comment;
    return work.changes.add(next);
  }
}

void remove_if_of(Work& work, const Element& wanted) {
  const auto found = find(work.netfilter, wanted);
  const bool is_own = found && found->comment == wanted.element.comment;
  if (is_own) work.changes.remove(wanted.table, wanted.set, wanted.element.key);
  if (!wanted.is_exclusive) return;
  if (is_own) pass_on(work, wanted);
  if (const auto* own = work.queues.find_own(wanted))
    work.changes.remove(wanted.table, queue_of(wanted.set), own->element.key);
}

void remove_elements(netlink::Socket& netfilter, Transaction& transaction,
                     std::span<const Element> elements) {
  Work work{netfilter};
  for (const Element& element : elements) remove_if_of(work, element);
  work.changes.write(transaction);
}

std::string problem_of(netlink::Socket& netfilter, const Element& wanted, Queues& queues) {
  const auto found = find(netfilter, wanted);
  if (!found) return "is missing";
  if (found->comment != wanted.element.comment) {
    const auto* own = wanted.is_exclusive ? queues.find_own(wanted) : nullptr;
    const bool waits = own != nullptr && own->element.data == wanted.element.data;
    return waits ? "" : "is that of " + found->comment;
  }
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
std::set<std::string> publish(netlink::Socket& netfilter, const Wanted& wanted,
                              const IsLive& is_live) {
  std::set<std::string> waiting;
  commit_repeatedly(netfilter, [&](Transaction& transaction, int attempt) {
    for (const Part& part : wanted.parts) {
      if (!is_whole(netfilter, part)) make(transaction, part);
    }
    Work work{netfilter};
    waiting.clear();
    for (const Element& element : wanted.elements) {
      if (attempt == 0) {
        work.changes.add(element);
      } else if (put(work, element, is_live)) {
        add_queue(transaction, wanted, element);
        waiting.insert(element.what);
      }
    }
    work.changes.write(transaction);
  });
  return waiting;
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
  Queues queues(netfilter);
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
                          .problem = problem_of(netfilter, element, queues)});
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

}  // namespace ruleset
