// The walk's routes: what the kernel would do with the packet, asked in the namespace that it is
// in.
#include <cerrno>

#include <linux/in.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>

#include "base/error.h"
#include "netlink/route.h"
#include "netlink/route_question.h"
#include "plugin/operator/trace/walk.h"

namespace tool::trace {
namespace {

netlink::RouteQuestion question_of(const Place& place) {
  const Packet& packet = place.packet;
  return {.destination = packet.destination,
          .source = packet.source,
          .in_link = place.in == nullptr ? 0 : place.in->index,
          .protocol = packet.protocol,
          .source_port = has_ports(packet) ? packet.source_port : std::uint16_t{0},
          .destination_port = has_ports(packet) ? packet.destination_port : std::uint16_t{0}};
}

std::string describe(Ground& ground, netlink::Route route) {
  const auto* out = ground.find(route.out_link);
  if (out != nullptr) route.link_name = out->name;
  std::string text = netlink::to_string(route);
  if (route.type == RTN_LOCAL) return "an address of its own";
  constexpr std::string_view kDefaults[] = {"0.0.0.0/0 ", "::/0 "};
  for (const auto each : kDefaults) {
    if (text.starts_with(each)) text = "default " + text.substr(each.size());
  }
  return text;
}

std::string conf(const Packet& packet, const std::string& interface, const std::string& name) {
  return std::string("net/") + (packet.family() == base::Family::kIpv4 ? "ipv4" : "ipv6") +
         "/conf/" + interface + "/" + name;
}

std::string dotted(std::string key) {
  for (char& c : key) {
    if (c == '/') c = '.';
  }
  return key;
}

Stop reverse_path(const Place& place) {
  const std::string& name = place.in->name;
  return {.verdict = Verdict::kDropped,
          .by = place.ground->title() + ": reverse path filter (rp_filter) of " + name,
          .remedy = "have the route to " + place.packet.source.to_string() + " lead through " +
                    name + ", or sysctl -w net.ipv4.conf." + name +
                    ".rp_filter=2 and net.ipv4.conf.all.rp_filter=0, there"};
}

// Kernels since 6.13 say EINVAL for whatever is wrong with a source.
bool fails_reverse_path(const Place& place, int error) {
  if (place.packet.family() != base::Family::kIpv4 || error != EINVAL) return error == EXDEV;
  const int filter = setting_of({place.ground, place.in}, "rp_filter");
  if (filter == 0) return false;
  const auto back =
      netlink::ask_route(place.ground->routes(), {.destination = place.packet.source});
  if (back.error != 0 || !back.way) return true;
  if (back.way->type == RTN_LOCAL) return false;
  return filter == 1 && back.way->out_link != place.in->index;
}

}  // namespace

bool Walk::find_route(Place& place, Next& next) {
  Ground& ground = *place.ground;
  const auto answer = netlink::ask_route(ground.routes(), question_of(place));
  if (answer.error != 0 || !answer.way) return refuse_route(place, answer.error);
  const auto& way = *answer.way;
  next.is_local = way.type == RTN_LOCAL;
  next.out = ground.find(way.out_link);
  next.hop = way.gateway.value_or(place.packet.destination);
  tell(ground, "route to " + place.packet.destination.to_string(),
       describe(ground, answer.entry.value_or(way)));
  return true;
}

// Who sends is told by his own kernel; but of TCP not where it was translated only afterwards.
bool Walk::is_told(const Place& place) const {
  const bool is_translated = entered_ && entered_->destination != place.packet.destination;
  return nature_ == Nature::kFirst && !(is_translated && place.packet.protocol == IPPROTO_TCP);
}

bool Walk::refuse_route(const Place& place, int error) {
  Ground& ground = *place.ground;
  const std::string asked = "route to " + place.packet.destination.to_string();
  const std::string text = error == 0 ? "none" : base::errno_text(error);
  const std::string remedy = "ip route add, there; see patchcord inspect for what is missing";
  if (place.in == nullptr)
    return stop(ground, asked, text,
                {.verdict = is_told(place) ? Verdict::kRefused : Verdict::kDropped,
                 .by = ground.title() + ": no route to " + place.packet.destination.to_string(),
                 .remedy = remedy});
  const bool v4 = place.packet.family() == base::Family::kIpv4;
  if (fails_reverse_path(place, error))
    return stop(ground, "reverse path to " + place.packet.source.to_string(),
                "does not lead through " + place.in->name, reverse_path(place));
  if (v4 && error == EHOSTUNREACH &&
      ground.sysctl(conf(place.packet, place.in->name, "forwarding")) == "0")
    return stop(ground, "forwarding", "off for " + place.in->name,
                {.verdict = Verdict::kDropped,
                 .by = ground.title() + ": forwarding of IPv4 is off",
                 .remedy = "sysctl -w net.ipv4.ip_forward=1, there"});
  if (error == EINVAL)
    return stop(ground, asked,
                "refuses source " + place.packet.source.to_string() + " by " + place.in->name +
                    ", or a blackhole",
                {.verdict = Verdict::kDropped,
                 .by = ground.title() + ": a source that cannot come from there (martian), or a "
                                        "route of type blackhole",
                 .remedy = "ip route get " + place.packet.destination.to_string() + " from " +
                           place.packet.source.to_string() + " iif " + place.in->name + ", there"});
  return stop(ground, asked, text,
              {.verdict = Verdict::kRefused,
               .by = ground.title() + ": no route to " + place.packet.destination.to_string(),
               .remedy = remedy});
}

bool Walk::forward(const Place& place, const Next& next) {
  Ground& ground = *place.ground;
  const Packet& packet = place.packet;
  const std::string key = conf(packet, "all", "forwarding");
  if (packet.family() == base::Family::kIpv6 && ground.sysctl(key) == "0" &&
      !stays_on_bridge(place, *next.out))
    return stop(ground, "forwarding", dotted(key) + " is 0",
                {.verdict = Verdict::kDropped,
                 .by = ground.title() + ": forwarding of IPv6 is off",
                 .remedy = "sysctl -w " + dotted(key) + "=1, there"});
  constexpr int kIsolation = -10;
  const Crossing crossing{packet, place.in, next.out};
  if (!pass_chains(ground, NF_INET_FORWARD, crossing, {INT_MIN, kIsolation - 1})) return false;
  if (!is_tracked(ground)) {
    if (auto rules = own_rules(ground)) {
      if (const auto word = rules->refuse_forward(crossing))
        return stop(ground, word->chain, word->element + " " + word->meaning,
                    {.verdict = Verdict::kDropped,
                     .by = ground.title() + ": " + word->chain,
                     .remedy = "\"isolation\" in the network's configuration says so"});
    }
  }
  return pass_chains(ground, NF_INET_FORWARD, crossing, {kIsolation, INT_MAX});
}

// An answer whose question did not come this way is no answer to connection tracking: of UDP it is
// a new connection, of others it is invalid.
bool Walk::masquerade(Place& place, const Next& next) {
  Ground& ground = *place.ground;
  const Packet before = place.packet;
  const bool is_astray = nature_ == Nature::kAnswer && !is_tracked(ground);
  auto rules = own_rules(ground);
  if (!rules || (nature_ != Nature::kFirst && !is_astray)) return true;
  if (is_astray && before.protocol != IPPROTO_UDP) {
    const auto word = rules->refuse_invalid(before);
    return !word || stop(ground, word->chain, word->element + " " + word->meaning,
                         {.verdict = Verdict::kDropped,
                          .by = ground.title() + ": " + word->chain,
                          .remedy = "have the answer take the way of the question"});
  }
  const bool is_translated = before.destination != entered_->destination ||
                             before.destination_port != entered_->destination_port;
  if (const auto word = rules->masquerade({before, place.in, next.out}, is_translated)) {
    const auto answer = netlink::ask_route(ground.routes(), {.destination = before.destination});
    if (answer.way && answer.way->source) place.packet.source = *answer.way->source;
    tell(ground, word->chain, word->meaning + ", " + place.packet.source.to_string());
  }
  return true;
}

bool Walk::leave(Place& place, const Next& next) {
  Ground& ground = *place.ground;
  if (next.out == nullptr) return refuse_route(place, ENODEV);
  const Packet before = place.packet;
  if (!masquerade(place, next)) return false;
  if (!pass_chains(ground, NF_INET_POST_ROUTING, {before, place.in, next.out})) return false;
  track(place, *entered_);
  translate_answer(place, true);
  return true;
}

}  // namespace tool::trace
