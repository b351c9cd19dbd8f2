#include "plugin/operator/trace/walk.h"

#include <algorithm>

#include <linux/netfilter.h>
#include <linux/rtnetlink.h>

#include "netlink/route.h"
#include "netlink/route_question.h"

namespace tool::trace {
namespace {

constexpr int kMostNamespaces = 32;

bool is_of_host(Ground& ground, const base::IpAddress& address) {
  const auto route = netlink::match_route(ground.routes(), address);
  return route && route->type == RTN_LOCAL;
}

}  // namespace

Outcome Walk::follow(Place place, Nature nature) {
  nature_ = nature;
  outcome_ = {};
  entered_.reset();
  if (nature == Nature::kFirst) sent_ = place.packet;
  bool goes_on = true;
  for (int i = 0; goes_on && i < kMostNamespaces; ++i) goes_on = step(place);
  if (goes_on) {
    (void)stop(*place.ground, "way", "goes round in circles",
               {.verdict = Verdict::kDropped,
                .by = place.ground->title() + ": routes that lead in a circle",
                .remedy = "ip route, in each of the places above"});
  }
  outcome_.place = place;
  return outcome_;
}

void Walk::tell(const Ground& ground, std::string asked, std::string answer, Mark mark) {
  trace_.hops.push_back({.is_back = nature_ != Nature::kFirst,
                         .place = ground.title(),
                         .asked = std::move(asked),
                         .answer = std::move(answer),
                         .mark = mark});
}

bool Walk::stop(const Ground& ground, std::string asked, std::string answer, Stop why) {
  tell(ground, std::move(asked), std::move(answer), Mark::kStop);
  outcome_.end = End::kStopped;
  outcome_.stop = std::move(why);
  return false;
}

void Walk::doubt(const Ground& ground, const std::string& chain, const std::string& why) {
  const std::string name = ground.title() + ": " + chain;
  if (std::find(doubts_.begin(), doubts_.end(), name) != doubts_.end()) return;
  doubts_.push_back(name);
  tell(ground, "chain " + chain, why, Mark::kUnknown);
}

std::optional<OwnRules> Walk::own_rules(Ground& ground) {
  auto* netfilter = ground.netfilter();
  if (netfilter == nullptr) return std::nullopt;
  return OwnRules(*netfilter, world_.sightings());
}

// One namespace: from where the packet is made or comes in to where it is the next one's.
bool Walk::step(Place& place) {
  if (!(place.in == nullptr ? go_out(place) : come_in(place))) return false;
  Next next;
  if (!find_route(place, next)) return false;
  if (next.is_local) return deliver(place);
  if (place.in != nullptr && !forward(place, next)) return false;
  return leave(place, next) && cross(place, next);
}

bool Walk::come_in(Place& place) {
  Ground& ground = *place.ground;
  entered_ = place.packet;
  seen_[&ground].push_back(place.packet);
  constexpr int kAntispoof = -300;
  const Packet arrived = place.packet;
  const Crossing crossing{arrived, place.in, nullptr};
  if (!pass_devices({&ground, place.in}) ||
      !pass_chains(ground, NF_INET_PRE_ROUTING, crossing, {INT_MIN, kAntispoof - 1}))
    return false;
  if (auto rules = own_rules(ground)) {
    const auto word = rules->refuse_source({place.packet, place.in, nullptr});
    if (word)
      return stop(ground, word->chain, word->element + " " + word->meaning,
                  {.verdict = Verdict::kDropped,
                   .by = ground.title() + ": " + word->chain,
                   .remedy = "send from the address that the container was given"});
    translate_answer(place, false);
    if (nature_ == Nature::kFirst && is_of_host(ground, place.packet.destination)) {
      const Packet before = place.packet;
      if (const auto port = rules->translate({before, place.in, nullptr}, place.packet))
        tell(ground, port->meaning, "→ " + to_string(place.packet));
    }
  }
  return pass_chains(ground, NF_INET_PRE_ROUTING, crossing, {kAntispoof, INT_MAX});
}

bool Walk::go_out(Place& place) {
  Ground& ground = *place.ground;
  if (place.packet.source.is_unspecified()) {
    const auto answer =
        netlink::ask_route(ground.routes(), {.destination = place.packet.destination});
    if (answer.error != 0 || !answer.way) return refuse_route(place, answer.error);
    if (answer.way->source) place.packet.source = *answer.way->source;
    if (answer.way->type == RTN_LOCAL) place.packet.source = place.packet.destination;
  }
  entered_ = place.packet;
  seen_[&ground].push_back(place.packet);
  if (nature_ == Nature::kFirst) sent_ = place.packet;
  translate_answer(place, false);
  auto rules = own_rules(ground);
  if (rules && nature_ == Nature::kFirst && is_of_host(ground, place.packet.destination)) {
    const Packet before = place.packet;
    if (const auto port = rules->translate({before, nullptr, nullptr}, place.packet))
      tell(ground, port->meaning, "→ " + to_string(place.packet));
  }
  return pass_chains(ground, NF_INET_LOCAL_OUT, {*entered_, nullptr, nullptr});
}

// What is sent to oneself comes in by lo: there the same hooks are passed as on the way in.
bool Walk::deliver(const Place& given) {
  Place place = given;
  Ground& ground = *place.ground;
  const auto* in = place.in;
  if (in == nullptr) {
    in = ground.find(1);
    if (in != nullptr && !in->is_up())
      return stop(ground, "link lo", "is down",
                  {.verdict = Verdict::kDropped,
                   .by = ground.title() + ": lo is down",
                   .remedy = "ip link set lo up, there"});
    if (!pass_chains(ground, NF_INET_POST_ROUTING, {place.packet, nullptr, in}) ||
        !pass_chains(ground, NF_INET_PRE_ROUTING, {place.packet, in, nullptr}))
      return false;
  }
  if (!pass_chains(ground, NF_INET_LOCAL_IN, {place.packet, in, nullptr})) return false;
  track(place, *entered_);
  translate_answer(place, true);
  outcome_.end = End::kDelivered;
  delivered_ = place.packet;
  return false;
}

// Connection tracking gives an answer the addresses that its receiver knows: the destination as it
// comes in, the source as it leaves.
void Walk::translate_answer(Place& place, bool is_leaving) {
  if (nature_ == Nature::kFirst) return;
  for (const auto& flow : flows_) {
    if (flow.ground != place.ground) continue;
    const bool fits = nature_ == Nature::kError ? flow.reply.destination == place.packet.destination
                                                : flow.reply == *entered_;
    if (!fits) continue;
    if (is_leaving && nature_ == Nature::kAnswer) {
      place.packet.source = flow.original.destination;
      place.packet.source_port = flow.original.destination_port;
    } else if (!is_leaving) {
      place.packet.destination = flow.original.source;
      place.packet.destination_port = flow.original.source_port;
    }
    return;
  }
}

// Whether its destination becomes another one as it comes in there.
bool Walk::is_translated_at(Ground& ground, const netlink::Link& bridge, const Packet& packet) {
  if (nature_ != Nature::kFirst)
    return std::any_of(flows_.begin(), flows_.end(), [&](const Flow& flow) {
      return flow.ground == &ground && flow.reply == packet &&
             flow.original.source != packet.destination;
    });
  if (!is_of_host(ground, packet.destination)) return false;
  auto rules = own_rules(ground);
  Packet translated = packet;
  return rules && rules->translate({packet, &bridge, nullptr}, translated).has_value();
}

void Walk::track(Place& place, const Packet& original) {
  if (nature_ != Nature::kFirst) return;
  flows_.push_back(
      {.ground = place.ground, .original = original, .reply = answer_to(place.packet)});
  seen_[place.ground].push_back(answer_to(place.packet));
}

}  // namespace tool::trace
