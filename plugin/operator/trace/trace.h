#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"

/// A packet's way through namespaces, bridges, routes and rules, as plain values.
namespace tool::trace {

struct Packet {
  base::IpAddress source;
  base::IpAddress destination;
  std::uint8_t protocol = 0;      // IPPROTO_...
  std::uint16_t source_port = 0;  // of an echo request its identifier
  std::uint16_t destination_port = 0;

  [[nodiscard]] base::Family family() const noexcept { return destination.family(); }
  friend bool operator==(const Packet&, const Packet&) = default;
};
/// Whether it is of a protocol that has ports.
[[nodiscard]] bool has_ports(const Packet& packet);
/// "tcp 10.88.0.2 → 10.88.0.3:80"
[[nodiscard]] std::string to_string(const Packet& packet);
/// "tcp", "udp", "icmp"
[[nodiscard]] std::string_view protocol_name(std::uint8_t protocol);
/// IPPROTO_ICMP or IPPROTO_ICMPV6
[[nodiscard]] std::uint8_t icmp_of(base::Family family);
/// What answers it.
[[nodiscard]] Packet answer_to(const Packet& packet);

enum class Verdict : std::uint8_t {
  kPasses,
  kRefused,  // it does not, and who sends it is told
  kDropped,  // it does not, and nobody is told, at most that nobody answers
  kUnknown   // rules of others decide
};
/// "passes", "refused", "dropped", "unknown"
[[nodiscard]] std::string_view to_string(Verdict verdict);

enum class Mark : std::uint8_t { kFine, kStop, kUnknown, kNote };
/// "fine", "stop", "unknown", "note"
[[nodiscard]] std::string_view to_string(Mark mark);

/// One thing that was looked at.
struct Hop {
  bool is_back = false;  // of the answer's way
  std::string place;     // "shop/web-0", "host"
  std::string asked;     // "route to 10.88.0.3"
  std::string answer;    // "10.88.0.0/24 dev eth0"
  Mark mark = Mark::kFine;
};

/// Why there is no way further.
struct Stop {
  Verdict verdict = Verdict::kDropped;
  std::string by;      // a sentence's beginning: "host: the policy of inet filter forward"
  std::string remedy;  // may be empty
};

struct Trace {
  std::string from;
  std::string to;
  Packet packet;
  std::vector<Hop> hops{};
  std::vector<Hop> probe{};  // what the kernel told of a real one
  Verdict verdict = Verdict::kPasses;
  std::string by{};      // who or what decided; empty for what passes
  std::string remedy{};  // may be empty
};

}  // namespace tool::trace
