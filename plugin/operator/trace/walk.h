#pragma once

#include <climits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "plugin/operator/trace/own_rules.h"
#include "plugin/operator/trace/segment.h"
#include "plugin/operator/trace/trace.h"
#include "plugin/operator/trace/world.h"

/// A packet followed from namespace to namespace, each step asked of the kernel where it happens.
namespace tool::trace {

/// Where a packet is.
struct Place {
  Ground* ground = nullptr;
  const netlink::Link* in = nullptr;  // by which it came in; null where it is made here
  Packet packet;
};

enum class Nature : std::uint8_t {
  kFirst,   // of its connection
  kAnswer,  // to that one
  kError    // that a router, or who does not listen, tells of it by ICMP
};

enum class End : std::uint8_t { kDelivered, kLeft, kStopped };  // kLeft: what can be seen from here

struct Outcome {
  End end = End::kStopped;
  Place place;
  const netlink::Link* left_by = nullptr;  // by which it left what can be seen
  std::optional<Stop> stop{};
};

class Walk {
 public:
  Walk(World& world, Trace& trace) : world_(world), trace_(trace), segment_(world) {}

  /// From where it is made, or came in, to where it is delivered.
  [[nodiscard]] Outcome follow(Place place, Nature nature);
  /// Chains of others that could have decided otherwise, each once.
  [[nodiscard]] const std::vector<std::string>& doubts() const noexcept { return doubts_; }
  /// Adds a line to the trace.
  void tell(const Ground& ground, std::string asked, std::string answer, Mark mark = Mark::kFine);
  /// As the packet and its answer come into each namespace, or are made there.
  [[nodiscard]] const std::map<Ground*, std::vector<Packet>>& seen() const noexcept {
    return seen_;
  }
  /// The packet as its sender made it, once it has its source.
  [[nodiscard]] const std::optional<Packet>& sent() const noexcept { return sent_; }
  /// The last packet as its receiver has it.
  [[nodiscard]] const std::optional<Packet>& delivered() const noexcept { return delivered_; }

 private:
  /// What connection tracking of one namespace knows of the first packet.
  struct Flow {
    Ground* ground = nullptr;
    Packet original;
    Packet reply;
  };
  /// Where the route leads.
  struct Next {
    const netlink::Link* out = nullptr;
    base::IpAddress hop;
    bool is_local = false;
  };

  // Each is false where the packet comes no further; then outcome_ says why.
  bool step(Place& place);
  bool come_in(Place& place);
  bool go_out(Place& place);
  bool find_route(Place& place, Next& next);
  bool forward(const Place& place, const Next& next);
  bool leave(Place& place, const Next& next);
  bool masquerade(Place& place, const Next& next);
  bool cross(Place& place, const Next& next);
  bool carry(Place& place, const Cable& cable, const base::MacAddress& source);
  bool pass_bridge(const Passage& passage, const Packet& packet, const base::MacAddress& source);
  /// Of chains at a hook those with a priority of this range.
  struct Priorities {
    int first = INT_MIN;
    int last = INT_MAX;
  };
  bool pass_chains(Ground& ground, unsigned hook, const Crossing& crossing,
                   const Priorities& priorities);
  bool pass_chains(Ground& ground, unsigned hook, const Crossing& crossing) {
    return pass_chains(ground, hook, crossing, {INT_MIN, INT_MAX});
  }
  bool pass_discovery(const Place& place, const Next& next, const Cable& cable);
  bool judge(Ground& ground, const netlink::nft::BaseChain& chain, const Crossing& crossing);
  bool pass_legacy(Ground& ground, unsigned hook, const Packet& packet);
  bool pass_devices(const Interface& end);
  bool stays_on_bridge(const Place& place, const netlink::Link& out);
  bool turn_around(const Place& place, const Passage& passage);
  bool pass_bridged(const Passage& passage, const Packet& packet);
  bool deliver(const Place& place);
  bool stop(const Ground& ground, std::string asked, std::string answer, Stop why);
  [[nodiscard]] bool is_told(const Place& place) const;
  bool refuse_route(const Place& place, int error);
  void doubt(const Ground& ground, const std::string& chain, const std::string& why);

  void translate_answer(Place& place, bool is_leaving);
  void track(Place& place, const Packet& original);
  /// What the namespace knows of its next hop.
  enum class Known : std::uint8_t { kNot, kFailed, kLearnt, kPermanent };
  std::optional<Cable> find_cable(const Place& place, const Next& next, Known& known);
  std::optional<Cable> find_redirection(const Place& place, const netlink::Link& out);
  bool is_translated_at(Ground& ground, const netlink::Link& bridge, const Packet& packet);
  bool tell_neighbour(const Place& place, const Next& next, const std::string& answer);
  std::optional<OwnRules> own_rules(Ground& ground);
  bool is_accepted_by_mark(Ground& ground, const netlink::nft::BaseChain& chain,
                           const Crossing& crossing);
  [[nodiscard]] bool is_tracked(const Ground& ground) const;

  World& world_;
  Trace& trace_;
  Segment segment_;
  Nature nature_ = Nature::kFirst;
  Outcome outcome_;
  std::optional<Packet> sent_;
  std::optional<Packet> entered_;  // as it came into the namespace that it is in
  std::optional<Packet> delivered_;
  const netlink::Link* port_ = nullptr;  // of the bridge that it came up from, if there was one
  std::vector<Flow> flows_;
  std::map<Ground*, std::vector<Packet>> seen_;
  std::vector<std::string> doubts_;
};

}  // namespace tool::trace
