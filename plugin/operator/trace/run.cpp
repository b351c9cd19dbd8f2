#include "plugin/operator/trace/run.h"

#include <algorithm>

#include <netinet/in.h>

#include "netlink/error.h"
#include "netlink/listeners.h"
#include "plugin/operator/format.h"
#include "plugin/operator/trace/walk.h"

namespace tool::trace {
namespace {

bool is_icmp(std::uint8_t protocol) {
  return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

std::vector<netlink::Listener> listeners_on(const Ground& ground, const Packet& packet) {
  const netlink::ScopedEntry inside(ground.space(), ground.home());
  auto all = netlink::find_listeners();
  std::erase_if(all, [&](const netlink::Listener& each) {
    return each.protocol != packet.protocol || each.port != packet.destination_port;
  });
  return all;
}

bool takes(const netlink::Listener& listener, const base::IpAddress& destination) {
  if (!listener.address.is_unspecified()) return listener.address == destination;
  return listener.address.family() == destination.family() ||
         (destination.is_v4() && listener.takes_both);
}

void set(Trace& trace, const Stop& stop) {
  trace.verdict = stop.verdict;
  trace.by = stop.by;
  trace.remedy = stop.remedy;
}

/// The first packet's way, and what comes back on it.
class Journey {
 public:
  Journey(World& world, Trace& trace) : trace_(trace), walk_(world, trace) {}

  void run(const Place& start) {
    start_ = start;
    const Outcome there = walk_.follow(start, Nature::kFirst);
    trace_.packet = walk_.sent().value_or(start.packet);
    if (there.end == End::kStopped) {
      turn_back(there);
    } else {
      if (there.end == End::kDelivered) {
        target_ = there.place.ground;
        listen(there.place);
      }
      come_back(there);
    }
    weigh_doubts();
  }

  [[nodiscard]] const std::map<Ground*, std::vector<Packet>>& seen() const { return walk_.seen(); }
  [[nodiscard]] Ground* target() const noexcept { return target_; }
  [[nodiscard]] const Stop& behind() const noexcept { return behind_; }

 private:
  // A router that knows no way tells the sender, if that one can be told.
  void turn_back(const Outcome& there) {
    set(trace_, *there.stop);
    const bool is_own = there.place.ground == start_.ground && start_.in == nullptr;
    if (there.stop->verdict != Verdict::kRefused || is_own) return;
    const Packet& packet = there.place.packet;
    Packet error{.source = {}, .destination = packet.source};
    const bool v4 = packet.family() == base::Family::kIpv4;
    error.protocol = icmp_of(packet.family());
    error.source = *base::IpAddress::parse(v4 ? "0.0.0.0" : "::");
    const Outcome back = walk_.follow({there.place.ground, nullptr, error}, Nature::kError);
    if (back.end == End::kStopped) trace_.verdict = Verdict::kDropped;
  }

  void listen(const Place& place) {
    const Packet& packet = *walk_.delivered();
    if (is_icmp(packet.protocol)) {
      const bool v4 = packet.family() == base::Family::kIpv4;
      const std::string key =
          v4 ? "net/ipv4/icmp_echo_ignore_all" : "net/ipv6/icmp/echo_ignore_all";
      if (place.ground->sysctl(key) == "1")
        refuse(place, "echo", key + " is 1",
               {.verdict = Verdict::kDropped,
                .by = place.ground->title() + ": answers no echo request",
                .remedy = "sysctl -w " + key + "=0, there"});
      return;
    }
    const std::string asked = std::string(protocol_name(packet.protocol)) + " port " +
                              std::to_string(packet.destination_port);
    const auto all = listeners_on(*place.ground, packet);
    const auto at = std::find_if(all.begin(), all.end(), [&](const netlink::Listener& each) {
      const bool fits =
          each.link == 0 ||
          (place.in != nullptr && each.link == static_cast<std::uint32_t>(place.in->index));
      return fits && takes(each, packet.destination);
    });
    if (at != all.end()) {
      walk_.tell(*place.ground, asked, "a socket of " + at->address.to_string() + " takes it");
      return;
    }
    const std::string where = all.empty() ? "" : ", only on " + all.front().address.to_string();
    refuse(place, asked, "nobody listens" + where,
           {.verdict = Verdict::kRefused,
            .by = place.ground->title() + ": nobody listens on " + asked + " of " +
                  packet.destination.to_string() + where,
            .remedy = "start what is to answer there, or see which address it listens on: ss -ln"});
  }

  void refuse(const Place& place, const std::string& asked, const std::string& answer,
              const Stop& stop) {
    walk_.tell(*place.ground, asked, answer, Mark::kStop);
    set(trace_, stop);
  }

  void come_back(const Outcome& there) {
    if (trace_.verdict == Verdict::kDropped) return;
    Place place{there.place.ground, there.left_by, answer_to(there.place.packet)};
    if (there.end == End::kDelivered)
      place = {there.place.ground, nullptr, answer_to(*walk_.delivered())};
    const Outcome back = walk_.follow(place, Nature::kAnswer);
    if (back.end == End::kStopped) {
      set(trace_, *back.stop);
      trace_.by += ", on the way back";
      trace_.verdict = Verdict::kDropped;
    } else if (!arrives(back)) {
      trace_.verdict = Verdict::kDropped;
    }
  }

  bool arrives(const Outcome& back) {
    const bool is_unseen = start_.in != nullptr;
    if (back.end == End::kLeft) {
      if (is_unseen) return true;
      trace_.by = back.place.ground->title() + ": the answer leaves by another way";
      return false;
    }
    if (back.place.ground == start_.ground && !is_unseen &&
        *walk_.delivered() == answer_to(trace_.packet))
      return true;
    walk_.tell(*back.place.ground, "answer", "comes as " + to_string(*walk_.delivered()),
               Mark::kStop);
    trace_.by = back.place.ground->title() + ": the answer comes as " +
                to_string(*walk_.delivered()) + ", which nobody waits for";
    trace_.remedy =
        "have the answer take the way of the question (masquerade, \"snat\" of portmap, routes)";
    return false;
  }

  // Others' rules could have decided otherwise, and done so before.
  void weigh_doubts() {
    behind_ = {.verdict = trace_.verdict, .by = trace_.by, .remedy = trace_.remedy};
    if (walk_.doubts().empty()) return;
    const std::string rest = trace_.verdict == Verdict::kPasses
                                 ? ""
                                 : "; if they let it pass, it is " +
                                       std::string(to_string(trace_.verdict)) + ", " + trace_.by;
    trace_.by = "rules of others decide: " + join(walk_.doubts(), "; ") + rest;
    trace_.verdict = Verdict::kUnknown;
    trace_.remedy = "ask the kernel with a real packet: the same with --probe";
  }

  Trace& trace_;
  Walk walk_;
  Place start_;
  Ground* target_ = nullptr;
  Stop behind_;
};

}  // namespace

Walked walk(World& world, const Question& question) {
  Walked walked{
      .trace = {.from = question.from, .to = question.to, .packet = question.start.packet}};
  Journey journey(world, walked.trace);
  journey.run(question.start);
  walked.seen = journey.seen();
  walked.target = journey.target();
  walked.behind = journey.behind();
  return walked;
}

}  // namespace tool::trace
