// The text of the rules that accept where `firewall` has asked for it.
#include <linux/netfilter.h>

#include "plugin/ruleset/foreign_filter.h"
#include "plugin/ruleset/match.h"
#include "plugin/ruleset/parts.h"

// What a container sends, what answers it, and what was sent to one of its host ports gets a mark
// just before iptables' FORWARD (0), where one rule accepts by it, and loses it just after: so that
// neither routing nor any other chain sees it.

namespace ruleset {
namespace {

using base::Family;
using netlink::nft::load_meta;
using netlink::nft::Meta;
using netlink::nft::number_value;

constexpr int kBefore = -1;
constexpr int kAfter = 1;

std::string accepted(Family family) {
  return "accepted" + suffix(family);
}

Expressions set_bit() {
  return {load_meta(Meta::kMark),
          netlink::nft::mask_and_flip(number_value(~kAcceptMark), number_value(kAcceptMark)),
          netlink::nft::set_mark()};
}

Expressions clear_bit() {
  return {load_meta(Meta::kMark), netlink::nft::mask(number_value(~kAcceptMark)),
          netlink::nft::set_mark()};
}

Expressions has_bit() {
  return {load_meta(Meta::kMark), netlink::nft::mask(number_value(kAcceptMark)),
          netlink::nft::compare(netlink::nft::Comparison::kEqual, number_value(kAcceptMark))};
}

Chain make_base(const char* name, int priority) {
  return {.chain = {.name = name, .hook = netlink::nft::Hook{"filter", NF_INET_FORWARD, priority}},
          .rules = {}};
}

Part make_part() {
  Part part{.table = kTable, .sets = {}, .chains = {}};
  Chain marking = make_base("mark_accepted", kBefore);
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    part.sets.push_back({.name = accepted(family), .key = {address_type(family)}});
    const Expressions of_family = is_family(family, kTable);
    const auto from = in_set(family, {Field::kSource}, accepted(family));
    const auto to = in_set(family, {Field::kDestination}, accepted(family));
    marking.rules.push_back({.expressions = join({of_family, from, set_bit()})});
    marking.rules.push_back({.expressions = join({is_answer(), of_family, to, set_bit()})});
    marking.rules.push_back({.expressions = join({is_translated(), of_family, to, set_bit()})});
  }
  Chain clearing = make_base("unmark_accepted", kAfter);
  clearing.rules.push_back({.expressions = join({has_bit(), clear_bit()})});
  part.chains = {std::move(marking), std::move(clearing)};
  return part;
}

}  // namespace

void want_acceptance(const attachment::Attachment& attachment, Wanted& wanted) {
  if (!attachment.firewall || attachment.addresses.empty()) return;
  wanted.parts.push_back(make_part());
  for (const auto& address : attachment.addresses) {
    const auto& ip = address.prefix.address();
    wanted.elements.push_back({.table = kTable,
                               .set = accepted(ip.family()),
                               .element = {.key = netlink::nft::value_of(ip),
                                           .comment = attachment::comment_of(attachment.key)},
                               .what = "accepting of " + ip.to_string()});
  }
}

}  // namespace ruleset
