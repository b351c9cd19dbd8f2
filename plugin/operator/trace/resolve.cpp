#include "plugin/operator/trace/resolve.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include "netlink/route.h"
#include "netlink/route_question.h"
#include "plugin/operator/arguments.h"
#include "plugin/operator/named.h"

namespace tool::trace {
namespace {

using base::Family;
using base::IpAddress;

struct Party {
  std::string title;
  Ground* ground = nullptr;            // null: what cannot be seen from here
  std::vector<IpAddress> addresses{};  // none of the host, who has many
  bool is_address = false;             // it was named by one
};

bool is_same_container(const Sighting& left, const Sighting& right) {
  const auto& a = left.attachment;
  const auto& b = right.attachment;
  return a.key.container_id == b.key.container_id && a.netns == b.netns;
}

Party container(World& world, const Sighting& sighting) {
  Party party{.title = title_of(sighting), .ground = world.ground_of(sighting)};
  if (party.ground == nullptr)
    throw Misuse(party.title + ": its network namespace is gone, or cannot be seen from here");
  for (const auto& other : world.sightings()) {
    if (!is_same_container(other, sighting)) continue;
    for (const auto& address : other.attachment.addresses)
      party.addresses.push_back(address.prefix.address());
  }
  return party;
}

Party outside(World& world) {
  Party party{.title = "outside"};
  for (const auto family : {Family::kIpv4, Family::kIpv6}) {
    for (const auto& route : netlink::default_routes(world.host().routes(), family)) {
      if (route.gateway) party.addresses.push_back(*route.gateway);
    }
  }
  if (party.addresses.empty())
    throw Misuse("this node has no default route to outside; say an address instead");
  return party;
}

// Somebody whom this node knows by a route only; in a lab perhaps a namespace of this machine.
Ground* ground_with(World& world, const IpAddress& address) {
  const auto route = netlink::match_route(world.host().routes(), address);
  const auto* out = route ? world.host().find(route->out_link) : nullptr;
  const auto end = out == nullptr ? std::nullopt : world.other_end(world.host(), *out);
  if (!end) return nullptr;
  const auto there = netlink::match_route(end->ground->routes(), address);
  return there && there->type == RTN_LOCAL ? end->ground : nullptr;
}

Party by_address(World& world, const IpAddress& address) {
  Party party{.title = address.to_string(), .addresses = {address}, .is_address = true};
  const auto route = netlink::match_route(world.host().routes(), address);
  if (route && route->type == RTN_LOCAL) {
    party.ground = &world.host();
  } else {
    party.ground = ground_with(world, address);
  }
  return party;
}

Party find_party(World& world, const std::string& word) {
  if (word == "host") return {.title = "host", .ground = &world.host()};
  if (word == "outside") {
    Party party = outside(world);
    party.ground = ground_with(world, party.addresses.front());
    return party;
  }
  const auto address = IpAddress::parse(word);
  const Sighting* found = nullptr;
  for (const std::size_t place : pick_named(world.node(), world.sightings(), word)) {
    const Sighting& sighting = world.sightings()[place];
    if (found != nullptr && !is_same_container(*found, sighting))
      throw Misuse(word + " may be " + title_of(*found) + " or " + title_of(sighting) +
                   "; say more of it");
    found = &sighting;
  }
  if (found != nullptr) {
    Party party = container(world, *found);
    if (!address) return party;
    party.addresses = {*address};
    party.is_address = true;
    return party;
  }
  if (address) return by_address(world, *address);
  throw Misuse("nothing on this node is called " + word);
}

// "pod:80", "192.0.2.1:8080", "[fd00::1]:80"; an IPv6 address alone has no port.
std::string split_port(const std::string& word, std::uint16_t& port) {
  if (IpAddress::parse(word)) return word;
  const auto colon = word.rfind(':');
  if (colon == std::string::npos) return word;
  const std::string digits = word.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port == 0)
    throw Misuse(word + ": \"" + digits + "\" is no port");
  std::string name = word.substr(0, colon);
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  return name;
}

bool has_family(const Party& party, Family family) {
  return party.addresses.empty() ||
         std::any_of(party.addresses.begin(), party.addresses.end(),
                     [&](const auto& each) { return each.family() == family; });
}

IpAddress any_of(Family family) {
  static constexpr std::array<std::uint8_t, 16> kZero{};
  return IpAddress::from_bytes(std::span(kZero).first(family == Family::kIpv4 ? 4 : 16));
}

std::optional<IpAddress> address_of(const Party& party, Family family) {
  const auto at = std::find_if(party.addresses.begin(), party.addresses.end(),
                               [&](const auto& each) { return each.family() == family; });
  return at == party.addresses.end() ? std::nullopt : std::optional(*at);
}

// Of its many addresses the host's is that by which it speaks to the other one.
std::optional<IpAddress> hosts_address(World& world, const Party& from, Family family) {
  const auto peer = from.ground == &world.host() ? std::nullopt : address_of(from, family);
  if (!peer) return IpAddress::parse(family == Family::kIpv4 ? "127.0.0.1" : "::1");
  const auto answer = netlink::ask_route(world.host().routes(), {.destination = *peer});
  return answer.way ? answer.way->source : std::nullopt;
}

IpAddress destination_of(World& world, const Party& from, const Party& to) {
  for (const auto family : {Family::kIpv4, Family::kIpv6}) {
    if (!has_family(from, family) || !has_family(to, family)) continue;
    const auto address =
        to.addresses.empty() ? hosts_address(world, from, family) : address_of(to, family);
    if (address) return *address;
  }
  throw Misuse(from.title + " and " + to.title + " have no family of addresses in common");
}

std::uint8_t protocol_of(const Wish& wish, std::uint16_t port, Family family) {
  const std::uint8_t icmp = icmp_of(family);
  if (wish.protocol == IPPROTO_ICMP) return icmp;
  const std::uint8_t protocol =
      wish.protocol != 0 ? wish.protocol : (port != 0 ? std::uint8_t{IPPROTO_TCP} : icmp);
  if (protocol != icmp && port == 0)
    throw Misuse(std::string(protocol_name(protocol)) + " needs a port: TO:PORT, or --port PORT");
  return protocol;
}

// Who cannot be seen from here comes in by the interface that the node would answer by.
Place start_of(World& world, const Party& from, const Packet& packet) {
  Place start{.ground = from.ground, .in = nullptr, .packet = packet};
  if (from.ground != nullptr) return start;
  start.ground = &world.host();
  const auto route = netlink::match_route(world.host().routes(), packet.source);
  start.in = route ? world.host().find(route->out_link) : nullptr;
  if (start.in == nullptr)
    throw Misuse("this node has no route to " + packet.source.to_string() +
                 ", so it cannot be told where that comes in");
  return start;
}

}  // namespace

Question resolve(World& world, const Wish& wish) {
  std::uint16_t port = wish.port;
  const std::string to_word = split_port(wish.to, port);
  const Party from = find_party(world, wish.from);
  const Party to = find_party(world, to_word);
  Packet packet{.source = {}, .destination = destination_of(world, from, to)};
  const Family family = packet.family();
  packet.protocol = protocol_of(wish, port, family);
  const bool has_ports = packet.protocol == IPPROTO_TCP || packet.protocol == IPPROTO_UDP;
  packet.destination_port = has_ports ? port : std::uint16_t{0};
  packet.source_port = has_ports ? wish.from_port : std::uint16_t{0};
  packet.source = any_of(family);
  const auto own = address_of(from, family);
  if (own && (from.ground == nullptr || from.is_address)) packet.source = *own;
  return {.from = from.title, .to = to.title, .start = start_of(world, from, packet)};
}

}  // namespace tool::trace
