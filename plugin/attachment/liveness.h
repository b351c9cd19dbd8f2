#pragma once

#include <optional>
#include <set>
#include <string>

#include "netlink/netns.h"
#include "netlink/socket.h"
#include "plugin/attachment/attachment.h"
#include "plugin/attachment/record_store.h"

/// Whether a container is gone. Everything that gives somebody else what a container had, or takes
/// it away without being told to, asks here and nowhere else.
namespace attachment {

class Liveness {
 public:
  /// Both must outlive it.
  Liveness(const netlink::Namespace& home, netlink::Socket& host);

  /// Whether the container is provably gone: who asks looks from where its ADD looked, the path on
  /// record does not lead to its namespace, and no end of its pair is there any more, which a
  /// namespace that is gone takes with it. An end that is there is proof of life, under whatever
  /// name and in whichever namespace of the host. What cannot be found out is no proof.
  [[nodiscard]] bool is_gone(const Attachment& record);

  /// Whether who asks looks from where its ADD looked. If not, what is not seen proves nothing.
  [[nodiscard]] bool is_seen_from_here(const Attachment& record) const;

  /// Why the attachment may be removed: its container is gone; or an ADD was killed at work on it,
  /// so that it never was the runtime's. Absent where it may not, and for one that nothing is known
  /// of. Throws what reading a record throws.
  [[nodiscard]] std::optional<std::string> find_cause(const RecordStore& records, const Key& key);

  /// Whether host ports may still be those of this owner.
  [[nodiscard]] bool may_hold_ports(const std::string& state_directory, const Key& key);

 private:
  [[nodiscard]] bool has_end(const Attachment& record);
  [[nodiscard]] bool has_end_inside(const Attachment& record);
  [[nodiscard]] bool has_marked_end(const Attachment& record);
  /// Whether the other end is neither beside this one nor on the host.
  [[nodiscard]] bool is_elsewhere(const netlink::Link& link);
  void look_everywhere();

  Viewpoint here_;
  const netlink::Namespace& home_;
  netlink::Socket& host_;
  std::optional<int> own_nsid_;                   // by which the host knows itself; -1: by none
  std::optional<std::set<std::string>> aliases_;  // of all that can be seen, looked up once
};

}  // namespace attachment
