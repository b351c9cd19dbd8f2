// The text of isolation's rules: who may open connections to a container.
#include <linux/netfilter.h>

#include "plugin/ruleset/match.h"
#include "plugin/ruleset/parts.h"

// New connections from containers to one that is isolated are dropped, unless it is of the network
// and its network may. What comes from a container is told by the group of the interface that it
// comes in by, so that containers without any rules of their own are known, too. The host itself
// and what comes from outside are no containers. A drop is final whatever others accept, so the
// chain's place among the others (0: iptables, firewalld) does not matter; it is before them.

namespace ruleset {
namespace {

using attachment::Attachment;
using base::Family;
using netlink::nft::concatenate;
using netlink::nft::interface_value;
using netlink::nft::Type;
using netlink::nft::value_of;

constexpr int kPriority = -10;
const char* const kChain = "isolation";

std::string isolated(Family family) {
  return "isolated" + suffix(family);
}
std::string same_bridge(Family family) {
  return "same_bridge" + suffix(family);
}
std::string same_network(Family family) {
  return "same_network" + suffix(family);
}
std::string itself(Family family) {
  return "itself" + suffix(family);
}

void add_sets(Part& part, Family family) {
  const Type address = address_type(family);
  part.sets.push_back({.name = isolated(family), .key = {Type::kInterface, address}});
  part.sets.push_back({.name = same_bridge(family), .key = {Type::kInterface, address}});
  part.sets.push_back({.name = same_network(family), .key = {Type::kLinkGroup, address}});
  part.sets.push_back({.name = itself(family), .key = {Type::kInterface, address, address}});
}

void add_rules(Chain& chain, Family family) {
  const Expressions of_family = is_family(family, kTable);
  const auto accept = [&](std::initializer_list<Field> fields, const std::string& set) {
    chain.rules.push_back(
        {.expressions = join({of_family, in_set(family, fields, set), {netlink::nft::accept()}})});
  };
  accept({Field::kInName, Field::kDestination}, same_bridge(family));
  accept({Field::kInGroup, Field::kDestination}, same_network(family));
  accept({Field::kOutName, Field::kSource, Field::kDestination}, itself(family));
  chain.rules.push_back({.expressions = join({comes_from_container(),
                                              of_family,
                                              in_set(family, {Field::kOutName, Field::kDestination},
                                                     isolated(family)),
                                              {netlink::nft::drop()}})});
  // Of a bridge that others have made, which has no such group, those that are isolated themselves.
  chain.rules.push_back(
      {.expressions =
           join({of_family,
                 in_set(family, {Field::kInName, Field::kSource}, isolated(family)),
                 in_set(family, {Field::kOutName, Field::kDestination}, isolated(family)),
                 {netlink::nft::drop()}})});
}

Part make_part() {
  Part part{.table = kTable, .sets = {}, .chains = {}};
  Chain chain{
      .chain = {.name = kChain, .hook = netlink::nft::Hook{"filter", NF_INET_FORWARD, kPriority}},
      .rules = {{.expressions = join({is_answer(), {netlink::nft::accept()}})}}};
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    add_sets(part, family);
    add_rules(chain, family);
  }
  part.chains.push_back(std::move(chain));
  return part;
}

void want_address(const Attachment& attachment, const base::IpAddress& address, Wanted& wanted) {
  const Family family = address.family();
  const std::string& side = attachment::host_side_of(attachment);
  const auto want = [&](const std::string& set, netlink::nft::Bytes key) {
    wanted.elements.push_back(
        {.table = kTable,
         .set = set,
         .element = {.key = std::move(key), .comment = attachment::comment_of(attachment.key)},
         .what = "isolation of " + address.to_string()});
  };
  const auto by_name = concatenate({interface_value(side), value_of(address)});
  want(isolated(family), by_name);
  if (attachment.isolation == attachment::Isolation::kPod) {
    want(itself(family),
         concatenate({interface_value(side), value_of(address), value_of(address)}));
  } else if (attachment.bridge_port) {
    want(same_bridge(family), by_name);
  } else {
    const std::uint32_t group = attachment::group_of(attachment.key.network);
    want(same_network(family), concatenate({netlink::nft::number_value(group), value_of(address)}));
  }
}

}  // namespace

void want_isolation(const Attachment& attachment, Wanted& wanted) {
  if (!attachment.isolation || attachment.addresses.empty()) return;
  wanted.parts.push_back(make_part());
  for (const auto& address : attachment.addresses)
    want_address(attachment, address.prefix.address(), wanted);
}

}  // namespace ruleset
