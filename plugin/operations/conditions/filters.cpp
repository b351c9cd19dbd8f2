// Conditions of others' rules: a base chain whose policy is to drop, and none of whose rules lets
// this network's packets through.
#include <algorithm>
#include <array>
#include <optional>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <sys/socket.h>

#include "netlink/nft/base_chains.h"
#include "netlink/nft/demands.h"
#include "netlink/nft/query.h"
#include "plugin/operations/conditions/network.h"
#include "plugin/ruleset/foreign.h"
#include "plugin/ruleset/foreign_filter.h"
#include "plugin/ruleset/kernel.h"

namespace conditions {
namespace {

using base::Family;
using netlink::nft::BaseChain;
using netlink::nft::Bytes;
using netlink::nft::Demand;
using netlink::nft::Table;
using netlink::nft::TableFamily;

/// The first packet of a connection, as far as it is known.
struct Packet {
  Family family = Family::kIpv4;
  std::string in{};
  std::string out{};
  std::optional<base::IpPrefix> source{};  // whatever of it
  std::optional<base::IpPrefix> destination{};
};

bool is_name(const Bytes& value, const std::string& name) {
  constexpr std::size_t kWhole = 16;  // IFNAMSIZ
  const auto end = std::find(value.begin(), value.end(), std::uint8_t{0});
  const std::string wanted(value.begin(), end);
  // iptables compares the terminator, too, and neither does so for a name with a wildcard.
  const bool is_exact = value.size() == kWhole || end != value.end();
  return is_exact ? name == wanted : name.starts_with(wanted);
}

// As far as both say something.
bool may_be_in(const Demand& demand, const std::optional<base::IpPrefix>& prefix) {
  if (!prefix || demand.family != prefix->family()) return false;
  if (demand.is_looked_up) return true;
  const auto bytes = prefix->address().bytes();
  for (std::size_t bit = 0; bit < std::min<std::size_t>(prefix->length(), demand.value.size() * 8);
       ++bit) {
    const auto at = bit / 8;
    const unsigned mask = (at < demand.mask.size() ? demand.mask[at] : 0xffU) & (0x80U >> bit % 8);
    if ((mask & (bytes[at] ^ demand.value[at])) != 0) return false;
  }
  return true;
}

// A new connection has this bit alone of conntrack's states.
bool is_new(const Demand& demand) {
  constexpr std::uint32_t kNew = 8;  // NF_CT_STATE_BIT(IP_CT_NEW)
  const bool in_mask = demand.mask.empty() || (demand.mask[0] & kNew) != 0;
  const bool wants_none = std::all_of(demand.value.begin(), demand.value.end(),
                                      [](std::uint8_t byte) { return byte == 0; });
  if (wants_none) return demand.is_equal != in_mask;
  return !demand.value.empty() && (demand.value[0] == kNew) == demand.is_equal;
}

// Of what is not known here a rule may ask what it likes: it is none that lets this packet through.
bool meets(const Demand& demand, const Packet& packet) {
  using Of = Demand::Of;
  switch (demand.of) {
    case Of::kInName:
      return demand.is_looked_up || is_name(demand.value, packet.in) == demand.is_equal;
    case Of::kOutName:
      return demand.is_looked_up || is_name(demand.value, packet.out) == demand.is_equal;
    case Of::kMark:
      return demand.value == netlink::nft::number_value(ruleset::kAcceptMark);
    case Of::kState:
      return is_new(demand);
    case Of::kFamily: {
      const auto number = packet.family == Family::kIpv4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
      return (demand.value == Bytes{static_cast<std::uint8_t>(number)}) == demand.is_equal;
    }
    case Of::kSource:
      return may_be_in(demand, packet.source) == demand.is_equal;
    case Of::kDestination:
      return may_be_in(demand, packet.destination) == demand.is_equal;
    case Of::kSomething:
      return false;
  }
  return false;
}

/// Goes through a chain as the packet does.
class Walk {
 public:
  Walk(netlink::Socket& netfilter, const Table& table, const Packet& packet)
      : netfilter_(netfilter), table_(table), packet_(packet) {}

  /// Absent where it comes to the end of the chain.
  std::optional<bool> passes(const std::string& chain) {
    if (++chains_ > kMostChains) return true;  // nobody is told of what was not looked at
    for (const auto& rule : netlink::nft::demands_of(netfilter_, table_, chain)) {
      const bool fits = std::all_of(rule.demands.begin(), rule.demands.end(),
                                    [&](const auto& each) { return meets(each, packet_); });
      if (!fits || !rule.has_verdict) continue;
      if (rule.verdict.code == NF_ACCEPT || rule.verdict.code == NF_DROP)
        return rule.verdict.code == NF_ACCEPT;
      if (rule.verdict.code == NFT_RETURN) return std::nullopt;
      if (rule.verdict.chain.empty()) continue;
      const auto verdict = passes(rule.verdict.chain);
      if (verdict || rule.verdict.code == NFT_GOTO) return verdict;
    }
    return std::nullopt;
  }

 private:
  static constexpr int kMostChains = 256;
  netlink::Socket& netfilter_;
  const Table& table_;
  const Packet& packet_;
  int chains_ = 0;
};

// What stays on a bridge passes tables of family bridge alone, where ports are what interfaces are.
bool covers(TableFamily table, Family family, const Subject& subject) {
  if (table == TableFamily::kBridge) return subject.plan.bridge_port.has_value();
  return table == TableFamily::kInet ||
         table == (family == Family::kIpv4 ? TableFamily::kIpv4 : TableFamily::kIpv6);
}

bool is_by_ports(const BaseChain& chain, const Subject& subject) {
  return chain.table.family == TableFamily::kBridge || !subject.plan.bridge_port;
}

struct Place {
  unsigned hook;
  const char* name;  // of the condition
  const char* what;
};
constexpr std::array kPlaces = {
    Place{NF_INET_FORWARD, "forward-policy-drop", "what containers send through the node"},
    Place{NF_INET_LOCAL_OUT, "output-policy-drop", "what the node itself sends to containers"},
    Place{NF_INET_PRE_ROUTING, "prerouting-policy-drop", "what containers send to the node"}};

Packet packet_at(const Place& place, const BaseChain& chain, const Subject& subject,
                 const base::IpPrefix& pool) {
  const std::string& side = is_by_ports(chain, subject) ? subject.plan.pair.host_name
                                                        : attachment::host_side_of(subject.plan);
  Packet packet{.family = pool.family()};
  if (place.hook == NF_INET_LOCAL_OUT) {
    packet.out = side;
    packet.destination = pool;
    return packet;
  }
  packet.in = side;
  packet.source = pool;
  if (place.hook == NF_INET_FORWARD)
    packet.out = chain.table.family == TableFamily::kBridge ? side : subject.uplink;
  return packet;
}

// Of a bridge one name is enough; host ends are known by how they begin.
std::string shown_side(const BaseChain& chain, const Subject& subject, char wildcard) {
  return is_by_ports(chain, subject) ? subject.host_prefix + wildcard
                                     : attachment::host_side_of(subject.plan);
}

bool is_of_iptables(const BaseChain& chain) {
  const bool is_filter =
      chain.table.name == "filter" && (chain.name == "FORWARD" || chain.name == "OUTPUT");
  return is_filter &&
         (chain.table.family == TableFamily::kIpv4 || chain.table.family == TableFamily::kIpv6);
}

// Both ways: what comes to the containers passes the same chain.
std::string command_for(const Place& place, const BaseChain& chain, const Subject& subject) {
  const std::string side = shown_side(chain, subject, is_of_iptables(chain) ? '+' : '*');
  std::string command;
  const auto accept = [&](const std::string& nft, const std::string& iptables) {
    const std::string tool = chain.table.family == TableFamily::kIpv4 ? "iptables" : "ip6tables";
    if (!command.empty()) command += " && ";
    if (is_of_iptables(chain)) {
      command += tool + " -A " + chain.name + " " + iptables + " " + side + " -j ACCEPT";
    } else {
      command += "nft 'add rule " + to_string(chain.table) + " " + chain.name + " " + nft + " \"" +
                 side + "\" accept'";
    }
  };
  if (place.hook != NF_INET_LOCAL_OUT) accept("iifname", "-i");
  if (place.hook != NF_INET_PRE_ROUTING) accept("oifname", "-o");
  return command;
}

void look_at_chain(const Place& place, const BaseChain& chain, const Subject& subject,
                   netlink::Socket& netfilter, Diagnoses& found) {
  for (const auto& set : subject.pool) {
    const auto pool = set.front().subnet.network();
    if (!covers(chain.table.family, pool.family(), subject)) continue;
    const Packet packet = packet_at(place, chain, subject, pool);
    if (Walk(netfilter, chain.table, packet).passes(chain.name).value_or(false)) continue;
    found.push_back(
        {.name = place.name,
         .is_error = false,
         .text = "the policy of chain " + chain.name + " of table " + to_string(chain.table) +
                 " is to drop, and no rule of it accepts " + place.what,
         .remedy = "accept them there; whoever made the chain may have a place for that "
                   "which outlives the next boot",
         .command = command_for(place, chain, subject),
         .about = {subject.network}});
    return;
  }
}

// What is forwarded for nobody meets the node alone.
bool concerns(const Place& place, const BaseChain& chain, const Subject& subject) {
  if (place.hook != chain.hook.number) return false;
  if (chain.table.family == TableFamily::kBridge) return place.hook == NF_INET_FORWARD;
  return place.hook != NF_INET_FORWARD || !subject.plan.forward.empty() ||
         subject.plan.host_ports.has_value();
}

}  // namespace

bool drops_bridged(netlink::Socket& netfilter, const std::string& bridge,
                   const base::IpPrefix& pool) {
  if (!ruleset::drops_forwarded(netfilter, pool.family())) return false;
  const Table table{
      .family = pool.family() == Family::kIpv4 ? TableFamily::kIpv4 : TableFamily::kIpv6,
      .name = "filter"};
  const Packet packet{
      .family = pool.family(), .in = bridge, .out = bridge, .source = pool, .destination = pool};
  return !Walk(netfilter, table, packet).passes("FORWARD").value_or(false);
}

void look_at_filters(const Subject& subject, Diagnoses& found) {
  auto netfilter = ruleset::find_nftables();
  if (!netfilter) return;
  for (const auto& chain : netlink::nft::base_chains(*netfilter)) {
    if (!chain.drops) continue;
    for (const auto& place : kPlaces) {
      if (concerns(place, chain, subject)) look_at_chain(place, chain, subject, *netfilter, found);
    }
  }
}

}  // namespace conditions
