// The text of masquerading's rules: who leaves with the node's address.
#include <algorithm>
#include <map>

#include <linux/netfilter.h>

#include "base/digest.h"
#include "netlink/nft/query.h"
#include "netlink/nft/transaction.h"
#include "plugin/ruleset/commit.h"
#include "plugin/ruleset/match.h"
#include "plugin/ruleset/parts.h"
#include "plugin/ruleset/unused.h"

// Where traffic of a container leaves as it is depends on its network, so each network has a chain
// of its own, and a set a family of those who are masqueraded. They are named after what they say,
// too: a network whose configuration has changed gets new ones, and its older containers keep what
// they were given.
//
// The chains come after all others that translate sources (100: iptables, Docker, kube-proxy; 110:
// firewalld): the first one to decide has it, so that what is said there of particular traffic
// holds.

namespace ruleset {
namespace {

using attachment::Attachment;
using attachment::Masquerade;
using base::Family;

constexpr int kPriority = 120;
const char* const kStandingChain = "masquerading";

std::vector<base::IpPrefix> of_family(const Masquerade& masquerade, Family family) {
  std::vector<base::IpPrefix> prefixes;
  std::copy_if(masquerade.except.begin(), masquerade.except.end(), std::back_inserter(prefixes),
               [&](const auto& prefix) { return prefix.family() == family; });
  return prefixes;
}

constexpr std::size_t kDigits = 8;

std::string name_prefix(const std::string& network) {
  constexpr std::size_t kLongestNetwork = 64;
  return "masquerade-" + network.substr(0, kLongestNetwork) + "-";
}

std::string chain_name(const std::string& network, const Masquerade& masquerade) {
  std::string text = network;
  for (const auto& prefix : masquerade.except) text += " " + prefix.to_string();
  return name_prefix(network) + base::sha512_hex(text, kDigits);
}

std::string set_name(const std::string& chain, Family family) {
  return chain + "-ipv" + suffix(family);
}

// The chain that a set is one of, if that is one of the network's.
std::string chain_of(const std::string& set, const std::string& network) {
  const std::string prefix = name_prefix(network);
  const std::string chain = set.substr(0, prefix.size() + kDigits);
  const bool is_digest =
      chain.size() == prefix.size() + kDigits &&
      chain.find_first_not_of("0123456789abcdef", prefix.size()) == std::string::npos;
  const bool is_set =
      set == set_name(chain, Family::kIpv4) || set == set_name(chain, Family::kIpv6);
  return set.starts_with(prefix) && is_digest && is_set ? chain : "";
}

struct OfChain {
  std::vector<std::string> sets{};
  bool is_used = false;
};

bool is_among(std::span<const Element> leaving, const std::string& set,
              const netlink::nft::FoundElement& found) {
  return std::any_of(leaving.begin(), leaving.end(), [&](const Element& each) {
    return each.table == kTable && each.set == set && each.element.key == found.key &&
           each.element.comment == found.comment;
  });
}

std::map<std::string, OfChain> chains_of(netlink::Socket& netfilter, const std::string& network,
                                         std::span<const Element> leaving) {
  std::map<std::string, OfChain> chains;
  for (const auto& set : netlink::nft::sets_of(netfilter, kTable)) {
    const std::string chain = chain_of(set.name, network);
    if (chain.empty()) continue;
    chains[chain].sets.push_back(set.name);
    for (const auto& element : netlink::nft::elements_of(netfilter, kTable, set.name))
      chains[chain].is_used |= !is_among(leaving, set.name, element);
  }
  return chains;
}

// What the containers of a chain send elsewhere.
Expressions leaves(Family family, const std::string& chain,
                   const std::vector<base::IpPrefix>& except) {
  using netlink::nft::Base;
  const bool v4 = family == Family::kIpv4;
  return join({is_family(family, kTable),
               in_set(family, {Field::kSource}, set_name(chain, family)),
               {netlink::nft::load_payload(Base::kNetwork, v4 ? 16 : 24, v4 ? 4 : 16),
                netlink::nft::look_up_prefixes(kTable, except, netlink::nft::Membership::kNotIn)}});
}

std::string guard_of(const std::string& chain) {
  return "invalid-" + chain;
}

// What belongs to no connection has its source translated by nobody (a RST behind the end of one),
// and would tell others an address that they cannot answer to.
Chain make_guard(const std::string& name) {
  return {.chain = {.name = guard_of(name),
                    .hook = netlink::nft::Hook{"filter", NF_INET_POST_ROUTING, kPriority}},
          .rules = {}};
}

netlink::nft::Hook make_hook() {
  return {"nat", NF_INET_POST_ROUTING, kPriority};
}

Part make_part(const std::string& name, const Masquerade& masquerade) {
  Part part{.table = kTable, .sets = {}, .chains = {}};
  Chain chain{.chain = {.name = name, .hook = make_hook()}, .rules = {}};
  Chain guard = make_guard(name);
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    const auto except = of_family(masquerade, family);
    if (except.empty()) continue;
    part.sets.push_back({.name = set_name(name, family), .key = {address_type(family)}});
    const Expressions leaving = leaves(family, name, except);
    chain.rules.push_back({.expressions = join({leaving, {netlink::nft::masquerade()}})});
    guard.rules.push_back({.expressions = join({is_invalid(), leaving, {netlink::nft::drop()}})});
  }
  part.chains = {std::move(chain), std::move(guard)};
  return part;
}

// A rule that no packet gets to, and that stays. With the first rule that masquerades a kernel
// registers all that it takes, and with the last one it takes that back: hooks of address
// translation and connection tracking in the namespace, and who listens for addresses that go, in
// the machine (nf_nat_register_fn, nf_ct_netns_get, nf_nat_masquerade_inet_register_notifiers). A
// network's only container would pay for that each time (decision 87).
Part make_standing_part() {
  return {.table = kTable,
          .sets = {},
          .chains = {{.chain = {.name = kStandingChain, .hook = make_hook()},
                      .rules = {{.expressions = {netlink::nft::accept()}},
                                {.expressions = {netlink::nft::masquerade()}}}}}};
}

}  // namespace

// Nobody is locked out: who adds an element meanwhile has made another ruleset of it, so that this
// transaction is refused and what there is is looked at again; and the other way round.
void remove_unused(netlink::Socket& netfilter, netlink::nft::Transaction& transaction,
                   const std::string& network, std::span<const Element> leaving) {
  for (const auto& [name, chain] : chains_of(netfilter, network, leaving)) {
    if (chain.is_used) continue;
    for (const auto& each : {name, guard_of(name)}) {
      if (!netlink::nft::find_chain(netfilter, kTable, each)) continue;
      transaction.flush_chain(kTable, each);
      transaction.remove_chain(kTable, each);
    }
    for (const auto& set : chain.sets) transaction.remove_set(kTable, set);
  }
}

void remove_unused(netlink::Socket& netfilter, const std::string& network) {
  commit_repeatedly(netfilter, [&](netlink::nft::Transaction& transaction, int) {
    remove_unused(netfilter, transaction, network, {});
  });
}

void want_masquerade(const Attachment& attachment, Wanted& wanted) {
  if (!attachment.masquerade || attachment.masquerade->addresses.empty()) return;
  const std::string chain = chain_name(attachment.key.network, *attachment.masquerade);
  wanted.parts.push_back(make_standing_part());
  wanted.parts.push_back(make_part(chain, *attachment.masquerade));
  for (const auto& address : attachment.masquerade->addresses) {
    wanted.elements.push_back({.table = kTable,
                               .set = set_name(chain, address.family()),
                               .element = {.key = netlink::nft::value_of(address),
                                           .comment = attachment::comment_of(attachment.key)},
                               .what = "masquerading of " + address.to_string()});
  }
}

}  // namespace ruleset
