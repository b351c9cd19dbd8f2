#pragma once

#include <optional>
#include <string>

#include "base/mac_address.h"
#include "netlink/link.h"
#include "netlink/nft/query.h"
#include "netlink/socket.h"
#include "plugin/operator/survey.h"
#include "plugin/operator/trace/trace.h"

/// What our nftables tables say to one packet, element by element (plugin/ruleset has the rules).
namespace tool::trace {

/// Who said something, and of whom.
struct Word {
  std::string chain;    // "inet patchcord isolation"
  std::string element;  // "isolated4 { pcbr0 . 10.88.0.2 }"
  std::string meaning;  // "drops what other containers send"
};

/// A packet between two interfaces, either of which may be none.
struct Crossing {
  const Packet& packet;
  const netlink::Link* in = nullptr;
  const netlink::Link* out = nullptr;
};

class OwnRules {
 public:
  OwnRules(netlink::Socket& netfilter, const std::vector<Sighting>& sightings)
      : netfilter_(netfilter), sightings_(sightings) {}

  /// Whether a frame that comes in by a bridge's port is dropped.
  [[nodiscard]] std::optional<Word> refuse_frame(const std::string& port,
                                                 const base::MacAddress& source,
                                                 const Packet& packet);
  /// Whether a packet that comes in by an interface is dropped.
  [[nodiscard]] std::optional<Word> refuse_source(const Crossing& crossing);
  /// Whether a new connection to a container is dropped on its way through.
  [[nodiscard]] std::optional<Word> refuse_forward(const Crossing& crossing);
  /// The host port that the packet, to an address of the host, is for: changes its destination.
  [[nodiscard]] std::optional<Word> translate(const Crossing& crossing, Packet& packet);
  /// Whether it leaves with another source. `is_translated`: its destination was.
  [[nodiscard]] std::optional<Word> masquerade(const Crossing& crossing, bool is_translated);
  /// Whether an answer that connection tracking knows no question of is dropped as it leaves.
  [[nodiscard]] std::optional<Word> refuse_invalid(const Packet& packet);
  /// Whether iptables' FORWARD, which drops others, accepts it by our mark.
  [[nodiscard]] bool marks_as_accepted(const Crossing& crossing, bool is_answer,
                                       bool is_translated);

 private:
  using Key = std::initializer_list<netlink::nft::Bytes>;
  [[nodiscard]] std::optional<netlink::nft::FoundElement> find(const netlink::nft::Table& table,
                                                               const std::string& set, Key key);
  [[nodiscard]] bool has(const std::string& set, Key key);
  [[nodiscard]] bool chain_works(const netlink::nft::Table& table, const std::string& chain);
  [[nodiscard]] std::optional<Word> masquerade_of_network(const Packet& packet);
  [[nodiscard]] bool is_excepted(const std::string& owner, const Packet& packet) const;
  [[nodiscard]] std::vector<std::string> port_endings(base::Family family);
  [[nodiscard]] bool are_met(const std::string& owner, const Crossing& crossing) const;

  netlink::Socket& netfilter_;
  const std::vector<Sighting>& sightings_;
};

}  // namespace tool::trace
