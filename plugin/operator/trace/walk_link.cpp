// The walk's cables: neighbours, bridges, and the other ends of pairs.
#include <algorithm>

#include <linux/neighbour.h>
#include <linux/netfilter.h>

#include "netlink/bridge.h"
#include "netlink/neighbour.h"
#include "netlink/route_question.h"
#include "plugin/operator/trace/walk.h"

namespace tool::trace {
namespace {

constexpr unsigned kUsable =
    NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;

bool has_carrier(const netlink::Link& link) {
  using netlink::OperState;
  return link.oper_state == OperState::kUp || link.oper_state == OperState::kUnknown ||
         link.oper_state == OperState::kDormant;
}

std::string port_name(const netlink::Link* port, const netlink::Link& bridge) {
  return port == nullptr ? bridge.name + " itself" : port->name;
}

bool carries(const std::vector<netlink::VlanRange>& ranges, std::uint16_t vlan) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const auto& range) { return range.first <= vlan && vlan <= range.last; });
}

// Of frames without a tag that come in by this port; 0 where such are dropped.
std::uint16_t native_of(const std::vector<netlink::VlanRange>& ranges) {
  const auto at =
      std::find_if(ranges.begin(), ranges.end(), [](const auto& range) { return range.native; });
  return at == ranges.end() ? std::uint16_t{0} : at->first;
}

bool are_of_one_vlan(const Passage& passage) {
  if (!passage.bridge->vlan_filtering) return true;
  const auto vlans = [&](const netlink::Link* port) {
    return netlink::vlans_of_port(passage.ground->routes(),
                                  port == nullptr ? *passage.bridge : *port);
  };
  const auto vlan = native_of(vlans(passage.in));
  return vlan != 0 && carries(vlans(passage.out), vlan);
}

bool are_isolated(const Passage& passage) {
  const auto is = [](const netlink::Link* port) {
    return port != nullptr && port->bridge_port && port->bridge_port->isolated;
  };
  return is(passage.in) && is(passage.out);
}

bool calls_ip_rules(const Ground& ground, base::Family family) {
  const bool v4 = family == base::Family::kIpv4;
  return ground.sysctl(v4 ? "net/bridge/bridge-nf-call-iptables"
                          : "net/bridge/bridge-nf-call-ip6tables") == "1";
}

Stop down(const Ground& ground, const std::string& name) {
  return {.verdict = Verdict::kDropped,
          .by = ground.title() + ": " + name + " is down, or its other end is",
          .remedy = "ip link set " + name + " up, there and at its other end"};
}

}  // namespace

bool Walk::tell_neighbour(const Place& place, const Next& next, const std::string& answer) {
  tell(*place.ground, "neighbour " + next.hop.to_string() + " on " + next.out->name, answer);
  return true;
}

std::optional<Cable> Walk::find_cable(const Place& place, const Next& next, Known& known) {
  Ground& ground = *place.ground;
  const auto entry = netlink::find_neighbour(ground.routes(), next.out->index, next.hop);
  if (entry && entry->mac && (entry->state & kUsable) != 0) {
    known = (entry->state & NUD_PERMANENT) != 0 ? Known::kPermanent : Known::kLearnt;
    tell_neighbour(place, next,
                   entry->mac->to_string() + (known == Known::kPermanent ? " permanent" : ""));
    return segment_.find(ground, *next.out, *entry->mac);
  }
  known = entry && (entry->state & NUD_FAILED) != 0 ? Known::kFailed : Known::kNot;
  // Who asks says who he is: by the packet's source, if that is his own and he may.
  base::IpAddress source = place.packet.source;
  if (place.in != nullptr || setting_of({&ground, next.out}, "arp_announce") > 1) {
    const auto own = netlink::ask_route(ground.routes(), {.destination = next.hop});
    if (own.way && own.way->source) source = *own.way->source;
  }
  auto cable = segment_.find_owner(ground, *next.out, next.hop, source);
  if (cable && cable->end)
    tell_neighbour(place, next,
                   "answered by " + cable->end->ground->title() + ", " + cable->end->link->name);
  return cable;
}

// With br_netfilter a bridge translates addresses itself, and hands up what has another destination
// by that, whichever MAC it was sent to.
std::optional<Cable> Walk::find_redirection(const Place& place, const netlink::Link& out) {
  const auto arrival = world_.other_end(*place.ground, out);
  if (!arrival || arrival->link->master == 0) return std::nullopt;
  Ground& ground = *arrival->ground;
  const auto* bridge = ground.find(arrival->link->master);
  if (bridge == nullptr || bridge->kind != "bridge" ||
      !calls_ip_rules(ground, place.packet.family()) ||
      !is_translated_at(ground, *bridge, place.packet))
    return std::nullopt;
  return Cable{.passages = {{.ground = &ground, .bridge = bridge, .in = arrival->link}},
               .end = Interface{&ground, bridge}};
}

bool Walk::cross(Place& place, const Next& next) {
  Ground& ground = *place.ground;
  const auto& out = *next.out;
  if (!out.is_up() || !has_carrier(out))
    return stop(ground, "link " + out.name, out.is_up() ? "has no carrier" : "is down",
                down(ground, out.name));
  Known known = Known::kNot;
  auto cable = find_cable(place, next, known);
  // What comes in by a port comes in by its bridge, and so no neighbour's answer does by the port.
  const auto* master = out.master == 0 ? nullptr : ground.find(out.master);
  if (master != nullptr && master->kind == "bridge" && known != Known::kPermanent) cable.reset();
  if (cable || known == Known::kLearnt || known == Known::kPermanent) {
    if (auto redirected = find_redirection(place, out)) cable = std::move(redirected);
  }
  if (!cable || (!cable->end && known == Known::kFailed))
    return stop(
        ground, "neighbour " + next.hop.to_string() + " on " + out.name, "nobody answers for it",
        {.verdict = Verdict::kDropped,
         .by = ground.title() + ": nobody on " + out.name + " answers for " + next.hop.to_string(),
         .remedy = known == Known::kPermanent ? "ip neigh del " + next.hop.to_string() + " dev " +
                                                    out.name + ", there, or patchcord reconcile"
                                              : "see that it is there, up, and has this address"});
  if (known != Known::kPermanent && !pass_discovery(place, next, *cable)) return false;
  outcome_.left_by = &out;
  return carry(place, *cable, out.mac.value_or(base::MacAddress()));
}

bool Walk::carry(Place& place, const Cable& cable, const base::MacAddress& source) {
  for (const auto& passage : cable.passages) {
    if (passage.in == nullptr && !turn_around(place, passage)) return false;
    if (!pass_bridge(passage, place.packet, source)) return false;
  }
  port_ = cable.passages.empty() ? nullptr : cable.passages.back().in;
  if (!cable.end) {
    tell(*place.ground, "way", "leaves what can be seen from here by " + cable.unseen, Mark::kNote);
    outcome_.end = End::kLeft;
    return false;
  }
  const auto& end = *cable.end;
  if (!end.link->is_up())
    return stop(*end.ground, "link " + end.link->name, "is down",
                down(*end.ground, end.link->name));
  place.ground = end.ground;
  place.in = end.link;
  return true;
}

// With br_netfilter a frame whose destination is translated to another port of the same bridge
// never leaves the bridge, and is not forwarded as packets are.
bool Walk::stays_on_bridge(const Place& place, const netlink::Link& out) {
  return place.in == &out && port_ != nullptr && entered_ &&
         entered_->destination != place.packet.destination &&
         calls_ip_rules(*place.ground, place.packet.family());
}

// But the bridge minds where it came from.
bool Walk::turn_around(const Place& place, const Passage& passage) {
  if (passage.out == nullptr || !stays_on_bridge(place, *passage.bridge)) return true;
  Ground& ground = *place.ground;
  const Passage turned{.ground = &ground, .bridge = place.in, .in = port_, .out = passage.out};
  const std::string asked = "bridge " + place.in->name;
  if (are_isolated(turned))
    return stop(ground, asked, "both ports are isolated, and br_netfilter keeps the frame on it",
                {.verdict = Verdict::kDropped,
                 .by = ground.title() + ": isolated ports of " + place.in->name,
                 .remedy = "sysctl -w net.bridge.bridge-nf-call-iptables=0"});
  if (port_ == passage.out && !(port_->bridge_port && port_->bridge_port->hairpin))
    return stop(ground, asked, "does not send back by the port that it came in by",
                {.verdict = Verdict::kDropped,
                 .by = ground.title() + ": hairpin mode of " + port_->name + " is off",
                 .remedy = R"("hairpinMode": true in the network's configuration)"});
  return true;
}

bool Walk::pass_bridge(const Passage& passage, const Packet& packet,
                       const base::MacAddress& source) {
  Ground& ground = *passage.ground;
  const auto& bridge = *passage.bridge;
  const std::string asked = "bridge " + bridge.name;
  if (!bridge.is_up()) return stop(ground, asked, "is down", down(ground, bridge.name));
  for (const auto* port : {passage.in, passage.out}) {
    if (port != nullptr && (!port->is_up() || !has_carrier(*port)))
      return stop(ground, "port " + port->name, "is down", down(ground, port->name));
  }
  if (passage.in != nullptr && !pass_devices({&ground, passage.in})) return false;
  auto rules = own_rules(ground);
  if (rules && passage.in != nullptr) {
    if (const auto word = rules->refuse_frame(passage.in->name, source, packet))
      return stop(ground, word->chain, word->element + " " + word->meaning,
                  {.verdict = Verdict::kDropped,
                   .by = ground.title() + ": " + word->chain,
                   .remedy = "send from the MAC and the address that the container was given"});
  }
  if (are_isolated(passage))
    return stop(ground, asked, "both ports are isolated",
                {.verdict = Verdict::kDropped,
                 .by = ground.title() + ": isolated ports of " + bridge.name,
                 .remedy = R"("isolation": "pod" in the network's configuration says so)"});
  if (!are_of_one_vlan(passage))
    return stop(ground, asked, "the ports are of different VLANs",
                {.verdict = Verdict::kDropped,
                 .by = ground.title() + ": VLANs of " + bridge.name,
                 .remedy = "bridge vlan show; \"vlan\" in the networks' configurations"});
  tell(ground, asked, port_name(passage.in, bridge) + " → " + port_name(passage.out, bridge));
  return pass_bridged(passage, packet);
}

}  // namespace tool::trace
