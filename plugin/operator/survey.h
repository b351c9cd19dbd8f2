#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "netlink/link.h"
#include "netlink/netns.h"
#include "netlink/socket.h"
#include "plugin/attachment/attachment.h"
#include "plugin/attachment/liveness.h"
#include "plugin/attachment/record_store.h"
#include "plugin/attachment/whereabouts.h"
#include "plugin/operations/chained.h"
#include "plugin/steps/step.h"

/// What is wired on this node, as records and the kernel tell.
namespace tool {

/// Where to look: the host's namespace, its links, and the records.
class Node {
 public:
  explicit Node(const std::string& state_directory);

  [[nodiscard]] const netlink::Namespace& home() const noexcept { return home_; }
  [[nodiscard]] netlink::Socket& socket() noexcept { return socket_; }
  [[nodiscard]] attachment::Liveness& liveness() noexcept { return liveness_; }
  [[nodiscard]] attachment::Whereabouts& whereabouts() noexcept { return whereabouts_; }
  [[nodiscard]] const attachment::RecordStore& records() const noexcept { return records_; }
  /// All of them, as they were when somebody first asked for that.
  [[nodiscard]] const std::vector<netlink::Link>& links() const;
  /// Whether a type behind another one in a chain has a record of it. Each type's names are listed
  /// once: to try them for each attachment is most of what a survey of many reads.
  [[nodiscard]] bool has_chained(const operations::Chained& type, const attachment::Key& key);
  /// Null where there is none.
  [[nodiscard]] const netlink::Link* find(std::string_view name) const;
  [[nodiscard]] const netlink::Link* find(int index) const;

 private:
  netlink::Namespace home_;
  mutable netlink::Socket socket_;
  attachment::Liveness liveness_{home_, socket_};
  attachment::Whereabouts whereabouts_;
  attachment::RecordStore records_;
  mutable std::optional<std::vector<netlink::Link>> links_;
  mutable std::deque<netlink::Link> singles_;  // that were asked for before all of them were
  std::map<std::string_view, std::set<attachment::Key>> chained_;  // by the type's name
};

enum class State : std::uint8_t {
  kUp,          // all that the record says is there
  kBroken,      // something of it is missing or altered
  kGone,        // the container is, provably
  kUnknown,     // the container cannot be seen from here, which proves nothing
  kUnfinished,  // an ADD is at work on it, or was killed at it
  kOther,       // another plugin made it, and what it should be is not known
};
/// "up", "broken", "gone", "unknown", "unfinished", "other"
[[nodiscard]] std::string_view to_string(State state);

/// What one step of the attachment says.
struct Part {
  std::string_view step;
  std::vector<std::string> findings;  // empty: all of it is right
};

/// What a plugin behind another one in its chain has made of the attachment.
struct ChainedRecord {
  const operations::Chained* type = nullptr;
  attachment::Attachment attachment;
};

struct Sighting {
  attachment::Attachment attachment;   // as far as it is known
  std::vector<ChainedRecord> chained;  // of types of ours
  State state = State::kUp;
  std::vector<Part> parts;  // of a finished attachment of ours
  std::optional<netlink::Link> host_end;
  std::optional<std::chrono::system_clock::time_point> since;

  /// Of all parts, each a sentence.
  [[nodiscard]] std::vector<std::string> findings() const;
};

/// "namespace/name" of the pod, else the container id, else the other end's place.
[[nodiscard]] std::string title_of(const Sighting& sighting);
/// The bridge's name, "routed", "ptp", or "-".
[[nodiscard]] std::string path_of(const Sighting& sighting);
/// "tcp port 8080 → 80", one for each host port.
[[nodiscard]] std::vector<std::string> ports_of(const Sighting& sighting);
[[nodiscard]] std::string_view mode_of(const attachment::Attachment& attachment);

/// Every attachment: those with a record, those with no more than a marked host end, and veth pairs
/// into other namespaces that another plugin made. `reservations` are directories of host-local, by
/// which the containers of the latter are named. Sorted by network, title and interface.
[[nodiscard]] std::vector<Sighting> survey(Node& node,
                                           const std::vector<std::string>& reservations);

/// As survey(), by records and links alone: what each finished one of ours should be is not
/// compared with what the kernel has, which for who looks for one of many is most of the work.
[[nodiscard]] std::vector<Sighting> survey_unexamined(Node& node,
                                                      const std::vector<std::string>& reservations);
/// One with a record or a draft, examined.
[[nodiscard]] Sighting survey_one(Node& node, const attachment::Key& key);
/// What survey_unexamined() has left out, for one of them.
void examine_if_finished(Node& node, Sighting& sighting);

/// What CHECK would find, step by step, and of each type behind it in the chain. Sets `state` too.
void examine(Node& node, Sighting& sighting);
/// Of the latter alone, where another plugin made the interface.
void examine_chained(Node& node, Sighting& sighting);
/// The container's namespace, which another plugin's attachment tells only where a type of ours is
/// behind it. Absent where it is gone.
[[nodiscard]] std::optional<netlink::Namespace> find_container(Node& node,
                                                               const Sighting& sighting);
/// The settings that the attachment's steps make, beside what the kernel has. None where the
/// container is gone.
[[nodiscard]] steps::Settings settings_of(Node& node, const Sighting& sighting);

}  // namespace tool
