// The text of the rules that keep containers' router advertisements from the node.
//
// What a bridge hands up to its node has no port any more where the node's own rules look at it, so
// it is looked at before, where only that passes (-300, as antispoof.cpp). What goes on to other
// ports is not: a container may well be a router of those.
#include <linux/netfilter.h>

#include "plugin/ruleset/match.h"
#include "plugin/ruleset/parts.h"

namespace ruleset {
namespace {

const char* const kChain = "node";
constexpr int kPriority = -300;

void drop_where(Chain& chain, Expressions condition) {
  chain.rules.push_back(
      {.expressions = join({std::move(condition), {netlink::nft::drop()}}), .comment = {}});
}

}  // namespace

void want_node_guard(Wanted& wanted) {
  Chain chain{
      .chain = {.name = kChain, .hook = netlink::nft::Hook{"filter", NF_INET_LOCAL_IN, kPriority}},
      .rules = {}};
  chain.rules.push_back(
      {.expressions = join({does_not_come_from_container(), {netlink::nft::accept()}}),
       .comment = {}});
  drop_where(chain, is_icmp6(kRouterAdvertisement, kBridgeTable));
  for (const Tag tag : {Tag::kCustomer, Tag::kService}) {
    drop_where(chain, is_icmp6_in_tag(tag, kRouterAdvertisement));
    // The node unwraps as many as there are, and a rule sees into one.
    drop_where(chain, has_second_tag(tag));
  }
  wanted.parts.push_back({.table = kBridgeTable, .sets = {}, .chains = {std::move(chain)}});
}

}  // namespace ruleset
