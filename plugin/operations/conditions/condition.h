#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What can stand in the way of containers on a node. ADD, STATUS and the tool's doctor speak of
/// the same conditions: each has a name here, and says whom it stops.
namespace conditions {

enum class Stops : std::uint8_t {
  kEveryAdd,  // of the network: STATUS is an error
  kSomeAdds,  // until another container goes, or but for some addresses
  kPackets,   // of containers that are there
  kNobody     // yet
};
/// "every ADD", "some ADDs", "packets", "nobody yet"
[[nodiscard]] std::string_view to_string(Stops stops);

struct Condition {
  std::string_view name;  // the same in every version
  Stops stops = Stops::kNobody;
};

/// Every condition that there is a name for.
[[nodiscard]] std::span<const Condition> all();
/// Throws std::out_of_range for a name that is not among them.
[[nodiscard]] const Condition& find(std::string_view name);

/// A condition that was found: one cause.
struct Diagnosis {
  std::string name;
  bool is_error = false;  // it stops somebody now; else it slows or threatens them
  std::string text;
  std::string remedy;   // in words
  std::string command;  // that mends it, run as it is by a shell of root's; empty: none does alone
  std::vector<std::string> about{};  // networks or containers that it concerns
};
using Diagnoses = std::vector<Diagnosis>;

/// What is one cause becomes one diagnosis, which is about all that either is about, and whose
/// command mends it for all of them. Their order stays.
[[nodiscard]] Diagnoses merged(Diagnoses found);

/// "a, b, c and 297 more"
[[nodiscard]] std::string listed(const std::vector<std::string>& names);

}  // namespace conditions
