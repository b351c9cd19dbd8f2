#include "plugin/ruleset/foreign_filter.h"

#include <linux/netfilter.h>

#include "netlink/nft/expression.h"
#include "netlink/nft/query.h"
#include "netlink/nft/rules.h"
#include "plugin/attachment/attachment.h"
#include "plugin/ruleset/commit.h"

namespace ruleset {
namespace {

using netlink::nft::number_value;
using netlink::nft::Rule;
using netlink::nft::Table;
using netlink::nft::TableFamily;
using netlink::nft::Transaction;

constexpr const char* kForward = "FORWARD";
constexpr const char* kChain = attachment::kAcceptingChain;

Table table_of(base::Family family) {
  return {.family = family == base::Family::kIpv4 ? TableFamily::kIpv4 : TableFamily::kIpv6,
          .name = "filter"};
}

// iptables counts in every rule.
Rule jump_to(const std::string& chain, std::string comment) {
  return {.expressions = {netlink::nft::count(), netlink::nft::jump(chain)},
          .comment = std::move(comment)};
}

Rule accept_marked() {
  const auto mark = number_value(kAcceptMark);
  return {
      .expressions = {netlink::nft::load_meta(netlink::nft::Meta::kMark), netlink::nft::mask(mark),
                      netlink::nft::compare(netlink::nft::Comparison::kEqual, mark),
                      netlink::nft::count(), netlink::nft::accept()},
      .comment = "patchcord: containers"};
}

struct Seen {
  bool has_forward = false;
  bool jumps_to_admin = false;
  bool accepts = false;
  bool is_jumped_to = false;

  [[nodiscard]] bool is_whole() const noexcept {
    return !has_forward || (jumps_to_admin && accepts && is_jumped_to);
  }
};

// FORWARD itself, which may have any number of rules, is not read: how often a chain is jumped to
// is what the kernel tells.
Seen look(netlink::Socket& netfilter, const Table& table, const std::string& admin_chain) {
  Seen seen;
  seen.has_forward = netlink::nft::find_chain(netfilter, table, kForward).has_value();
  const auto chain = netlink::nft::find_chain(netfilter, table, kChain);
  if (!chain) return seen;
  const auto rules = netlink::nft::rules_of(netfilter, table, kChain);
  for (const auto& rule : rules) {
    seen.jumps_to_admin |= rule.verdict.chain == admin_chain;
    seen.accepts |= rule.has_verdict && rule.verdict.code == NF_ACCEPT;
  }
  seen.is_jumped_to = chain->use > rules.size();
  return seen;
}

void complete(Transaction& transaction, const Seen& seen, const Table& table,
              const std::string& admin_chain) {
  if (seen.is_whole()) return;
  transaction.add_chain(table, {.name = admin_chain});
  transaction.add_chain(table, {.name = kChain});
  if (!seen.jumps_to_admin)
    transaction.insert_rule(table, kChain, jump_to(admin_chain, "patchcord: rules of the admin"));
  if (!seen.accepts) transaction.add_rule(table, kChain, accept_marked());
  if (!seen.is_jumped_to)
    transaction.insert_rule(table, kForward, jump_to(kChain, "patchcord: containers"));
}

}  // namespace

void accept_in_foreign_filter(netlink::Socket& netfilter, const std::vector<base::Family>& families,
                              const std::string& admin_chain) {
  commit_repeatedly(netfilter, [&](Transaction& transaction, int) {
    for (const auto family : families) {
      const Table table = table_of(family);
      complete(transaction, look(netfilter, table, admin_chain), table, admin_chain);
    }
  });
}

std::vector<std::string> find_missing_acceptance(netlink::Socket& netfilter,
                                                 const std::vector<base::Family>& families,
                                                 const std::string& admin_chain) {
  std::vector<std::string> missing;
  for (const auto family : families) {
    const Table table = table_of(family);
    const Seen seen = look(netfilter, table, admin_chain);
    if (seen.is_whole()) continue;
    const std::string chain = "chain " + to_string(table) + " " + kChain + " ";
    const auto say = [&](bool is_there, const std::string& what) {
      if (!is_there) missing.push_back(chain + what);
    };
    say(seen.is_jumped_to, std::string("is not jumped to from ") + kForward);
    say(seen.jumps_to_admin, "does not jump to " + admin_chain);
    say(seen.accepts, "does not accept what containers send");
  }
  return missing;
}

bool has_firewalld(netlink::Socket& netfilter) {
  const Table table{.family = TableFamily::kInet, .name = "firewalld"};
  return netlink::nft::find_chain(netfilter, table, "filter_FORWARD").has_value();
}

}  // namespace ruleset
