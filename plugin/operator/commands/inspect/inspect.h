#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "netlink/counters.h"
#include "netlink/qdisc.h"
#include "plugin/operator/survey.h"

/// What the kernel has of one attachment, object by object, beside what its records want.
namespace tool {

enum class Verdict : std::uint8_t {
  kRight,   // it is there, as it should be
  kWrong,   // it is missing or altered
  kBeside,  // it is there, and no record says that it should be, nor that it should not
};
/// "right", "wrong", "beside"
[[nodiscard]] std::string_view to_string(Verdict verdict);

/// One object, much as ip(8) and nft(8) print it.
struct Object {
  std::string text;
  Verdict verdict = Verdict::kRight;
  std::string problem{};  // of a wrong one: "is missing"
};
using Objects = std::vector<Object>;

/// The queue of one direction, and the numbers of the kernel's own.
struct Queue {
  bool ingress = false;   // what the container receives
  std::string interface;  // of the host, that it is on
  attachment::RateLimit wanted{};
  std::optional<netlink::Shaper> seen{};
  bool is_right = false;
};

// Each looks at one kind of object. Of an attachment without a record everything is beside.
[[nodiscard]] Objects look_into_container(Node& node, const Sighting& sighting);
[[nodiscard]] Objects look_at_host(Node& node, const Sighting& sighting);
/// What it has in our nftables tables, and what accepts it in iptables'.
[[nodiscard]] Objects look_at_rules(const Sighting& sighting);
[[nodiscard]] std::vector<Queue> look_at_queues(Node& node, const Sighting& sighting);

}  // namespace tool
