// The text of anti-spoofing's rules: whose MAC and addresses a port may use.
#include <algorithm>

#include <linux/netfilter.h>

#include "plugin/ruleset/match.h"
#include "plugin/ruleset/parts.h"

// A port of a bridge is looked at in the bridge's own family, where frames are that stay on the
// bridge; a container with a link of its own in inet, for its packets go through the host. Both
// before anybody else looks at them (-300, as the reference's macspoofchk).
//
// What is sent to a group that no bridge forwards (01:80:c2:00:00:0x) the bridge takes aside before
// it looks at rules, and the host takes it as come in by the port itself, whatever is in it.
// Nothing else does, so in inet a port of a bridge has no addresses that it may send from.

namespace ruleset {
namespace {

using attachment::Attachment;
using base::Family;
using netlink::nft::Bytes;
using netlink::nft::concatenate;
using netlink::nft::interface_value;
using netlink::nft::Type;
using netlink::nft::value_of;

constexpr int kPriority = -300;
constexpr std::uint8_t kListenerQuery = 130;
constexpr std::uint8_t kNeighbourSolicitation = 135;
constexpr std::uint8_t kNeighbourAdvertisement = 136;
constexpr std::uint8_t kRedirect = 137;
constexpr std::uint8_t kListenerReport = 143;  // of MLD version 2

// In both tables: the ports that are guarded, and each with what its packets may come from.
const char* const kPorts = "guarded";
const char* const kMacPorts = "guarded_mac";
const char* const kMacs = "macs";
const char* const kTargets = "targets6";
const char* const kChain = "antispoof";
const char* const kAddressChain = "antispoof_addresses";

std::string sources(Family family) {
  return "sources" + suffix(family);
}

// nft's description of the key "iifname . @th,64,128" (libnftnl's udata; nftables, expr_ops'
// build_udata), for which there is no type that it would print by.
const Bytes& key_of_targets() {
  static const Bytes kBytes = {0x00, 0x04, 0x0d, 0x00, 0x00, 0x00, 0x01, 0x38, 0x00, 0x0e, 0x00,
                               0x04, 0x09, 0x00, 0x00, 0x00, 0x01, 0x06, 0x00, 0x04, 0x06, 0x00,
                               0x00, 0x00, 0x01, 0x26, 0x00, 0x04, 0x07, 0x00, 0x00, 0x00, 0x01,
                               0x1e, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x01, 0x04, 0x00, 0x00,
                               0x00, 0x00, 0x02, 0x04, 0x03, 0x00, 0x00, 0x00, 0x03, 0x04, 0x40,
                               0x00, 0x00, 0x00, 0x04, 0x04, 0x80, 0x00, 0x00, 0x00};
  return kBytes;
}

netlink::nft::Rule rule(Expressions expressions, std::string comment = {}) {
  return {.expressions = std::move(expressions), .comment = std::move(comment)};
}

Expressions accepted() {
  return {netlink::nft::accept()};
}

Expressions dropped() {
  return {netlink::nft::drop()};
}

// What a host says before it has an address (RFC 4862, RFC 3810). On a bridge it may look for its
// own address only: who asks for another's while that one looks has it believe that it is taken.
void accept_unspecified(Chain& chain, const netlink::nft::Table& table) {
  const auto from_nobody = [&](std::uint8_t type) {
    return join({is_family(Family::kIpv6, table), is_unspecified(Family::kIpv6, Field::kSource),
                 is_icmp6(type, table)});
  };
  const bool has_neighbours = table == kBridgeTable;
  chain.rules.push_back(
      rule(join({from_nobody(kNeighbourSolicitation),
                 has_neighbours
                     ? in_set(Family::kIpv6, {Field::kInName, Field::kNeighbourTarget}, kTargets)
                     : Expressions{},
                 accepted()}),
           has_neighbours ? "probes" : ""));
  chain.rules.push_back(rule(join({from_nobody(kListenerReport), accepted()})));
}

void accept_sources(Chain& chain, const netlink::nft::Table& table) {
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    chain.rules.push_back(rule(
        join({is_family(family, table),
              in_set(family, {Field::kInName, Field::kSource}, sources(family)), accepted()})));
  }
}

// A probe is a question of somebody who has no address (RFC 5227), and who else asks for the same
// one takes it for taken.
void check_arp(Chain& chain) {
  chain.rules.push_back(
      rule(join({is_arp(), not_in_set(Family::kIpv4, {Field::kInName, Field::kArpSenderMac}, kMacs),
                 dropped()})));
  chain.rules.push_back(
      rule(join({is_arp(), is_unspecified(Family::kIpv4, Field::kArpSender),
                 in_set(Family::kIpv4, {Field::kInName, Field::kArpTarget}, sources(Family::kIpv4)),
                 accepted()}),
           "probes"));
  // Who waits for a program to give addresses may send from 0.0.0.0, and still asks for no other's.
  chain.rules.push_back(
      rule(join({is_arp(), is_unspecified(Family::kIpv4, Field::kArpSender), dropped()})));
  chain.rules.push_back(rule(join(
      {is_arp(), in_set(Family::kIpv4, {Field::kInName, Field::kArpSender}, sources(Family::kIpv4)),
       accepted()})));
}

// A container is a host and no router, and says of its own addresses where they are.
void check_claims(Chain& chain) {
  for (const std::uint8_t type : {kListenerQuery, kRouterAdvertisement, kRedirect})
    chain.rules.push_back(rule(join({is_icmp6(type, kBridgeTable), dropped()})));
  chain.rules.push_back(rule(join({is_group_query(), dropped()})));
  chain.rules.push_back(
      rule(join({is_icmp6(kNeighbourAdvertisement, kBridgeTable),
                 not_in_set(Family::kIpv6, {Field::kInName, Field::kNeighbourTarget}, kTargets),
                 dropped()}),
           "the address that is advertised"));
}

void add_source_sets(Part& part) {
  part.sets.push_back({.name = kPorts, .key = {Type::kInterface}});
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    part.sets.push_back({.name = sources(family), .key = {Type::kInterface, address_type(family)}});
  }
}

netlink::nft::Rule jump_if_guarded() {
  return rule(
      join({in_set(Family::kIpv4, {Field::kInName}, kPorts), {netlink::nft::jump(kAddressChain)}}));
}

Part make_bridge_part() {
  Part part{.table = kBridgeTable, .sets = {}, .chains = {}};
  part.sets.push_back({.name = kMacPorts, .key = {Type::kInterface}});
  part.sets.push_back({.name = kMacs, .key = {Type::kInterface, Type::kMac}});
  add_source_sets(part);
  part.sets.push_back({.name = kTargets,
                       .key = {Type::kInterface, Type::kInteger128},
                       .key_expression = key_of_targets()});
  Chain addresses{.chain = {.name = kAddressChain}, .rules = {}, .jumps = 1};
  // Bridges and hosts unwrap tags before they believe what is in them, and these rules do not.
  addresses.rules.push_back(
      rule(join({is_neither_arp_nor_ip(), dropped()}), "tags, and other protocols"));
  check_arp(addresses);
  check_claims(addresses);
  accept_unspecified(addresses, kBridgeTable);
  accept_sources(addresses, kBridgeTable);
  addresses.rules.push_back(rule(dropped()));
  Chain base{.chain = {.name = kChain,
                       .hook = netlink::nft::Hook{"filter", NF_INET_PRE_ROUTING, kPriority}},
             .rules = {}};
  base.rules.push_back(rule(
      join({in_set(Family::kIpv4, {Field::kInName}, kMacPorts),
            not_in_set(Family::kIpv4, {Field::kInName, Field::kSourceMac}, kMacs), dropped()})));
  base.rules.push_back(jump_if_guarded());
  part.chains = {std::move(addresses), std::move(base)};
  return part;
}

Part make_inet_part() {
  Part part{.table = kTable, .sets = {}, .chains = {}};
  add_source_sets(part);
  Chain addresses{.chain = {.name = kAddressChain}, .rules = {}, .jumps = 1};
  accept_unspecified(addresses, kTable);
  accept_sources(addresses, kTable);
  addresses.rules.push_back(rule(dropped()));
  Chain base{.chain = {.name = kChain,
                       .hook = netlink::nft::Hook{"filter", NF_INET_PRE_ROUTING, kPriority}},
             .rules = {jump_if_guarded()}};
  part.chains = {std::move(addresses), std::move(base)};
  return part;
}

std::vector<base::IpAddress> allowed_addresses(const Attachment& attachment) {
  std::vector<base::IpAddress> all;
  bool any_v6 = false;
  for (const auto& address : attachment.addresses) {
    all.push_back(address.prefix.address());
    any_v6 |= all.back().is_v6();
  }
  // A program may look for addresses by the link, as a DHCP client does, before there are any, and
  // again when a lease runs out.
  const bool by_link = attachment.reservation && attachment::is_of_program(*attachment.reservation);
  if (by_link) all.push_back(base::IpAddress::from_bytes(std::array<std::uint8_t, 4>{}));
  if (any_v6 || by_link) all.push_back(base::link_local_of(attachment.pair.container_mac));
  return all;
}

class Port {
 public:
  Port(const attachment::Key& owner, const std::string& name, const netlink::nft::Table& table,
       Wanted& wanted)
      : owner_(owner), name_(name), table_(table), wanted_(wanted) {}

  void want(const std::string& set, const Bytes& more = {}) {
    Bytes name = interface_value(name_);
    wanted_.elements.push_back({.table = table_,
                                .set = set,
                                .element = {.key = more.empty() ? name : concatenate({name, more}),
                                            .comment = attachment::comment_of(owner_)},
                                .what = "anti-spoofing of " + name_});
  }

  void want_address(const base::IpAddress& address) {
    want(sources(address.family()), value_of(address));
    if (table_ == kBridgeTable && address.is_v6()) want(kTargets, value_of(address));
  }

 private:
  const attachment::Key& owner_;
  const std::string& name_;
  const netlink::nft::Table& table_;
  Wanted& wanted_;
};

}  // namespace

void want_antispoof(const Attachment& attachment, Wanted& wanted) {
  if (!attachment.antispoof) return;
  const bool bridged = attachment.bridge_port.has_value();
  const auto& key = attachment.key;
  const std::string& name = attachment.pair.host_name;
  Port port(key, name, bridged ? kBridgeTable : kTable, wanted);
  wanted.parts.push_back(bridged ? make_bridge_part() : make_inet_part());
  if (bridged) {
    port.want(kMacPorts);
    port.want(kMacs, value_of(attachment.pair.container_mac));
  }
  if (!attachment.antispoof->addresses) return;
  port.want(kPorts);
  if (bridged) {
    wanted.parts.push_back(make_inet_part());
    Port(key, name, kTable, wanted).want(kPorts);
  }
  for (const auto& address : allowed_addresses(attachment)) port.want_address(address);
}

std::optional<attachment::GuardedPort> find_guarded_port(const Attachment& attachment) {
  if (!attachment.antispoof) return std::nullopt;
  const auto allowed = allowed_addresses(attachment);
  return attachment::GuardedPort{
      .host_name = attachment.pair.host_name,
      .is_bridged = attachment.bridge_port.has_value(),
      .has_link_local = attachment.antispoof->addresses &&
                        std::any_of(allowed.begin(), allowed.end(),
                                    [](const auto& each) { return each.is_v6(); })};
}

void want_tuned_mac(const Attachment& attachment, Wanted& wanted) {
  const auto& tuning = attachment.tuning;
  if (!tuning || !tuning->port || !tuning->link.mac) return;
  const auto& guarded = *tuning->port;
  Port port(attachment.key, guarded.host_name, guarded.is_bridged ? kBridgeTable : kTable, wanted);
  if (guarded.is_bridged) port.want(kMacs, value_of(*tuning->link.mac));
  if (guarded.has_link_local) port.want_address(base::link_local_of(*tuning->link.mac));
  if (!wanted.elements.empty())
    wanted.parts.push_back(guarded.is_bridged ? make_bridge_part() : make_inet_part());
}

}  // namespace ruleset
