// What our nftables tables make of a packet's addresses: host ports and masquerade.
#include <algorithm>

#include "plugin/operator/trace/own_rules.h"
#include "plugin/ruleset/match.h"
#include "plugin/ruleset/wanted.h"

namespace tool::trace {
namespace {

using netlink::nft::Bytes;
using netlink::nft::interface_value;
using netlink::nft::port_value;
using netlink::nft::protocol_value;
using netlink::nft::value_of;

std::string with_suffix(const std::string& name, base::Family family) {
  return name + ruleset::suffix(family);
}

bool is_one_of(const base::IpAddress& address, const std::vector<base::IpPrefix>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const auto& each) { return each.contains(address); });
}

// The node's own addresses that ports without an address are not published on.
bool is_left_alone(const base::IpAddress& address) {
  if (address.is_v6()) return address.is_loopback() || address.is_link_local();
  return address.is_loopback() && address != base::IpAddress::parse("127.0.0.1");
}

bool is_interface(const std::string& name, const std::string& wanted) {
  if (!wanted.ends_with('*')) return name == wanted;
  return name.starts_with(wanted.substr(0, wanted.size() - 1));
}

bool is_met(const cni::PortCondition& condition, const Crossing& crossing) {
  using Of = cni::PortCondition::Of;
  bool is_one = false;
  if (condition.of == Of::kInterface) {
    is_one =
        crossing.in != nullptr &&
        std::any_of(condition.interfaces.begin(), condition.interfaces.end(),
                    [&](const auto& wanted) { return is_interface(crossing.in->name, wanted); });
  } else {
    const bool is_source = condition.of == Of::kSource;
    is_one = is_one_of(is_source ? crossing.packet.source : crossing.packet.destination,
                       condition.prefixes);
  }
  return is_one != condition.none;
}

// Each record that has what `owner` is the comment of.
template <class Matches>
bool any_record(const std::vector<Sighting>& sightings, const std::string& owner, Matches matches) {
  for (const auto& sighting : sightings) {
    const auto fits = [&](const attachment::Attachment& record) {
      return attachment::comment_of(record.key) == owner && matches(record);
    };
    if (fits(sighting.attachment)) return true;
    for (const auto& each : sighting.chained) {
      if (fits(each.attachment)) return true;
    }
  }
  return false;
}

}  // namespace

// Maps of packets that have to meet conditions come before those of all packets.
std::vector<std::string> OwnRules::port_endings(base::Family family) {
  const std::string name = with_suffix("ports", family);
  std::vector<std::string> endings;
  for (const auto& set : netlink::nft::sets_of(netfilter_, ruleset::kTable)) {
    if (set.name.starts_with(name + "-") && !set.name.ends_with("_next"))
      endings.push_back(set.name.substr(name.size()));
  }
  endings.emplace_back();
  return endings;
}

bool OwnRules::are_met(const std::string& owner, const Crossing& crossing) const {
  return any_record(sightings_, owner, [&](const attachment::Attachment& record) {
    if (!record.host_ports) return false;
    return std::any_of(record.host_ports->targets.begin(), record.host_ports->targets.end(),
                       [&](const attachment::PortTarget& target) {
                         return target.address.family() == crossing.packet.family() &&
                                std::all_of(
                                    target.conditions.begin(), target.conditions.end(),
                                    [&](const auto& each) { return is_met(each, crossing); });
                       });
  });
}

std::optional<Word> OwnRules::translate(const Crossing& crossing, Packet& packet) {
  const std::string chain = crossing.in == nullptr ? "output" : "prerouting";
  const auto family = packet.family();
  const Bytes protocol = protocol_value(packet.protocol);
  const Bytes port = port_value(packet.destination_port);
  for (const auto& ending : port_endings(family)) {
    if (!chain_works(ruleset::kTable, chain + ending)) continue;
    const std::string at = with_suffix("ports", family) + "_at" + ending;
    const std::string any = with_suffix("ports", family) + ending;
    auto found = find(ruleset::kTable, at, {value_of(packet.destination), protocol, port});
    const std::string& set = found ? at : any;
    if (!found && !is_left_alone(packet.destination))
      found = find(ruleset::kTable, any, {protocol, port});
    if (!found || (!ending.empty() && !are_met(found->comment, crossing))) continue;
    const std::size_t size = packet.destination.bytes().size();
    if (found->data.size() < size + 2) continue;
    packet.destination = base::IpAddress::from_bytes(std::span(found->data).first(size));
    packet.destination_port =
        static_cast<std::uint16_t>((found->data[size] << 8U) | found->data[size + 1]);
    return Word{
        "inet patchcord " + chain + ending, set,
        "host port " + std::to_string(crossing.packet.destination_port) + " of " + found->comment};
  }
  return std::nullopt;
}

std::optional<Word> OwnRules::masquerade(const Crossing& crossing, bool is_translated) {
  const Packet& packet = crossing.packet;
  const auto family = packet.family();
  const Bytes source = value_of(packet.source);
  const Bytes destination = value_of(packet.destination);
  if (is_translated && chain_works(ruleset::kTable, "port_postrouting")) {
    const Bytes in = interface_value(crossing.in == nullptr ? "" : crossing.in->name);
    const auto word = [](const std::string& set) {
      return Word{"inet patchcord host_port_sources", set, "leaves with the host's address"};
    };
    const std::string returns = with_suffix("port_returns", family);
    if (has(returns, {in, destination})) return word(returns);
    const std::string sources = with_suffix("port_sources", family);
    if (has(sources, {source, destination})) return word(sources);
    const std::string all = with_suffix("port_masquerade", family);
    if (has(all, {destination})) return word(all);
  }
  return masquerade_of_network(packet);
}

std::optional<Word> OwnRules::masquerade_of_network(const Packet& packet) {
  const std::string ending = "-ipv" + ruleset::suffix(packet.family());
  for (const auto& set : netlink::nft::sets_of(netfilter_, ruleset::kTable)) {
    if (!set.name.starts_with("masquerade-") || !set.name.ends_with(ending)) continue;
    const std::string chain = set.name.substr(0, set.name.size() - ending.size());
    const auto found = find(ruleset::kTable, set.name, {value_of(packet.source)});
    if (!found || !chain_works(ruleset::kTable, chain) || is_excepted(found->comment, packet))
      continue;
    return Word{"inet patchcord " + chain, set.name + " { " + packet.source.to_string() + " }",
                "leaves with the host's address"};
  }
  return std::nullopt;
}

std::optional<Word> OwnRules::refuse_invalid(const Packet& packet) {
  const auto word = masquerade_of_network(packet);
  if (!word) return std::nullopt;
  const std::string guard = "invalid-" + word->chain.substr(word->chain.rfind(' ') + 1);
  if (!chain_works(ruleset::kTable, guard)) return std::nullopt;
  return Word{"inet patchcord " + guard, word->element,
              "drops an answer whose question did not come this way"};
}

bool OwnRules::is_excepted(const std::string& owner, const Packet& packet) const {
  return any_record(sightings_, owner, [&](const attachment::Attachment& record) {
    return record.masquerade && is_one_of(packet.destination, record.masquerade->except);
  });
}

}  // namespace tool::trace
