// What the walk cannot know it asks: one real packet, which the kernel tells of at every chain.

#include <linux/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/error.h"
#include "netlink/nft/rules.h"
#include "plugin/operator/arguments.h"
#include "plugin/operator/trace/counters.h"
#include "plugin/operator/trace/marking.h"
#include "plugin/operator/trace/messenger.h"
#include "plugin/operator/trace/run.h"

namespace tool::trace {
namespace {

using netlink::nft::TraceEvent;

std::string chain_of(const TraceEvent& event) {
  return to_string(event.table) + " " + event.chain;
}

std::string rule_of(const TraceEvent& event) {
  return event.is_policy ? "its policy" : "rule with handle " + std::to_string(event.rule);
}

std::string verdict_text(int verdict) {
  switch (verdict) {
    case NF_DROP:
      return "drops";
    case NF_ACCEPT:
      return "accepts";
    case NFT_JUMP:
    case NFT_GOTO:
      return "goes to another chain";
    case NFT_RETURN:
      return "goes back";
    default:
      return "goes on";
  }
}

/// Where a silent packet can have got lost without any rule, by the counter that tells of it.
struct Loss {
  const char* counter;
  const char* meaning;
  const char* remedy;
};
constexpr Loss kLosses[] = {
    {"TcpExt IPReversePathFilter", "the reverse path filter (rp_filter)",
     "have the route to the sender lead through the interface that it comes in by"},
    {"Ip InAddrErrors", "forwarding is off, or an address that cannot be there",
     "sysctl -w net.ipv4.ip_forward=1, there"},
    {"IpExt InNoRoutes", "no route to the destination", "ip route add, there"},
    {"Ip6InNoRoutes", "no route to the destination", "ip -6 route add, there"},
    {"Ip OutNoRoutes", "no route to the destination", "ip route add, there"}};

class Probe {
 public:
  explicit Probe(const Walked& walked) : walked_(walked) {
    trace_ = walked.trace;
    trace_.by.clear();
    trace_.remedy.clear();
    for (const auto& [ground, packets] : walked.seen) {
      if (!ground->chains().empty())
        markings_.push_back(std::make_unique<Marking>(*ground, packets));
    }
    for (const auto& [ground, packets] : walked.seen) before_[ground] = read_counts(*ground);
  }

  Trace run(Messenger& messenger) {
    const Echo echo = messenger.send();
    for (auto& marking : markings_) read(*marking);
    for (const auto& [ground, counts] : before_) after_[ground] = read_counts(*ground);
    markings_.clear();
    judge(echo);
    return trace_;
  }

 private:
  void tell(const Ground& ground, std::string asked, std::string answer, Mark mark) {
    trace_.probe.push_back({.place = ground.title(),
                            .asked = std::move(asked),
                            .answer = std::move(answer),
                            .mark = mark});
  }

  void read(Marking& marking) {
    for (const auto& event : marking.events()) {
      if (event.rule == 0 && !event.is_policy) continue;  // the end of a chain
      const bool drops = event.verdict == NF_DROP;
      tell(marking.ground(), "chain " + chain_of(event),
           rule_of(event) + " " + verdict_text(event.verdict), drops ? Mark::kStop : Mark::kNote);
      if (!drops) continue;
      drop_ = Stop{.verdict = Verdict::kDropped,
                   .by = marking.ground().title() + ": " + chain_of(event) + ", " + rule_of(event),
                   .remedy = "nft -a list chain " + chain_of(event) +
                             ", there, and accept what is to pass before it"};
    }
  }

  void judge(const Echo& echo) {
    switch (echo.kind) {
      case Echo::Kind::kAnswered:
        return end(Verdict::kPasses, "answered", {});
      case Echo::Kind::kRefused:
        return end(Verdict::kRefused, base::errno_text(echo.error), find_refuser(echo.error));
      case Echo::Kind::kSilent:
        break;
    }
    if (drop_) return end(Verdict::kDropped, "no answer", *drop_);
    if (arrived_unanswered())
      return end(Verdict::kPasses, "arrived; whoever takes it did not answer, as UDP may", {});
    end(Verdict::kDropped, "no answer", find_loss());
  }

  void end(Verdict verdict, const std::string& answer, const Stop& why) {
    trace_.verdict = verdict;
    trace_.by = why.by;
    trace_.remedy = why.remedy;
    trace_.probe.push_back({.place = trace_.from,
                            .asked = to_string(trace_.packet),
                            .answer = answer,
                            .mark = verdict == Verdict::kPasses ? Mark::kFine : Mark::kStop});
  }

  // A rule that rejects drops, too.
  [[nodiscard]] Stop find_refuser(int error) const {
    if (drop_) return *drop_;
    if (walked_.behind.verdict == Verdict::kRefused) return walked_.behind;
    return {.by = std::string("somebody on the way, who says: ") + base::errno_text(error),
            .remedy = ""};
  }

  [[nodiscard]] std::uint64_t grown_at_target(const std::string& name) const {
    const auto before = before_.find(walked_.target);
    const auto after = after_.find(walked_.target);
    if (before == before_.end() || after == after_.end()) return 0;
    return grown(before->second, after->second, name);
  }

  // Of a datagram nobody need answer: it has come to a socket, which has sent nothing. Whether it
  // has been read does not matter, so what is counted is what was handed up and is no ICMP.
  [[nodiscard]] bool arrived_unanswered() const {
    if (trace_.packet.protocol != IPPROTO_UDP || walked_.target == nullptr) return false;
    const bool v4 = trace_.packet.family() == base::Family::kIpv4;
    const auto handed_up = grown_at_target(v4 ? "Ip InDelivers" : "Ip6InDelivers");
    const auto icmp = grown_at_target(v4 ? "Icmp InMsgs" : "Icmp6InMsgs");
    const auto answers = grown_at_target(v4 ? "Udp OutDatagrams" : "Udp6OutDatagrams");
    return listens() && handed_up > icmp && answers == 0 && !has_losses();
  }

  // The walk has found the socket that takes it.
  [[nodiscard]] bool listens() const { return walked_.behind.verdict != Verdict::kRefused; }

  [[nodiscard]] const Loss* find_counter(Ground*& where) const {
    for (const auto& [ground, counts] : before_) {
      for (const auto& loss : kLosses) {
        if (grown(counts, after_.at(ground), loss.counter) == 0) continue;
        where = ground;
        return &loss;
      }
    }
    return nullptr;
  }

  [[nodiscard]] bool has_losses() const {
    Ground* where = nullptr;
    return walked_.behind.verdict == Verdict::kDropped || find_counter(where) != nullptr;
  }

  // The walk knows more of where than a counter, if it has found something.
  [[nodiscard]] Stop find_loss() const {
    if (walked_.behind.verdict == Verdict::kDropped) return walked_.behind;
    Ground* where = nullptr;
    if (const auto* loss = find_counter(where))
      return {.by = where->title() + ": " + loss->meaning + ", says the counter " + loss->counter,
              .remedy = loss->remedy};
    const std::string last = trace_.probe.empty()
                                 ? ""
                                 : "; it was last seen at " + trace_.probe.back().place + ", " +
                                       trace_.probe.back().asked;
    return {.by = "nobody answered, and nothing on this node dropped it" + last,
            .remedy = "patchcord capture, at its receiver"};
  }

  const Walked& walked_;
  Trace trace_;
  std::vector<std::unique_ptr<Marking>> markings_;
  std::map<Ground*, Counts> before_;
  std::map<Ground*, Counts> after_;
  std::optional<Stop> drop_;
};

}  // namespace

Trace probe(World& world, Question question) {
  if (question.start.in != nullptr)
    throw Misuse(question.from +
                 " is out of sight and cannot be made to send; without --probe it can be followed");
  Walked first = walk(world, question);
  const Packet& packet = first.trace.packet;
  if (packet.source.is_unspecified()) return std::move(first.trace);  // there was no way to send it
  Messenger messenger(*question.start.ground, packet);
  question.start.packet.source = packet.source;
  question.start.packet.source_port = messenger.source_port();
  const Walked walked = walk(world, question);
  return Probe(walked).run(messenger);
}

}  // namespace tool::trace
