#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "plugin/attachment/attachment.h"

namespace attachment {

/// A record that an operation is working on. It is locked: while an ADD is at work nobody else
/// touches its attachment, and when it was killed the lock is free, which tells a later operation
/// that what it finds is a torso.
class Draft {
 public:
  /// Appends the attachment as it is known now. A line is complete or it does not count.
  void write(const Attachment& attachment);
  /// Appends the line that was written last once more, with the wire and these times in it. To put
  /// the whole attachment into JSON again would cost more than it is worth.
  void write_ending(const Wire& wire, const std::vector<Timing>& timings);

 private:
  friend class RecordStore;
  Draft(base::UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}
  base::UniqueFd fd_;
  std::string name_;
  std::string line_;  // the last one
  Wire wire_;         // in it
};

/// The records of all attachments: <state directory>/<kind>/<network>/<container id>:<ifname>,
/// beside it, while an ADD is at work or after it was killed, a draft of the same name with a dot
/// before it. A name too long for a file is cut and ends in a digest. The kind keeps apart what the
/// plugins of one chain record of one attachment.
class RecordStore {
 public:
  /// The kind of the types that make an interface.
  static constexpr std::string_view kInterfaces = "attachments";
  /// The kind of type portmap.
  static constexpr std::string_view kHostPorts = "portmap";
  /// The kind of type firewall.
  static constexpr std::string_view kFirewall = "firewall";

  /// Throws cni::Error{kFile} for a directory that others could have written.
  explicit RecordStore(std::string state_directory, std::string_view kind = kInterfaces);

  [[nodiscard]] const std::string& state_directory() const noexcept { return state_directory_; }

  /// Absent where there is none, or none that can be trusted and read.
  [[nodiscard]] std::optional<Attachment> find(const Key& key) const;
  [[nodiscard]] bool exists(const Key& key) const;

  /// The attachments of a network that have a record or a draft, each once, in ascending order.
  /// What bears no name of ours is passed over.
  [[nodiscard]] std::vector<Key> list(const std::string& network) const;
  /// Whether there is a record or a draft of any attachment of the network, whatever it costs to
  /// read them.
  [[nodiscard]] bool has_any(const std::string& network) const;
  /// Whether there is one of any other attachment of the key's network.
  [[nodiscard]] bool has_others(const Key& key) const;
  /// Those of all networks.
  [[nodiscard]] std::vector<Key> list_all() const;

  /// The records of the same container and interface in other networks, at the cost of a look for
  /// each network.
  [[nodiscard]] std::vector<Attachment> find_in_other_networks(const Key& key) const;

  /// Whether somebody has the lock of a draft, which is tried for a moment to find out.
  [[nodiscard]] bool is_at_work(const Key& key) const;
  /// Whether a killed ADD left a draft: there is one, and nobody has its lock. To find out, it is
  /// locked for a moment.
  [[nodiscard]] bool is_abandoned(const Key& key) const;
  /// What a draft says, whoever is at work on it. Absent where there is none or it says nothing.
  [[nodiscard]] std::optional<Attachment> find_draft(const Key& key) const;
  /// When the record was made or last written.
  [[nodiscard]] std::optional<std::chrono::system_clock::time_point> written_at(
      const Key& key) const;

  struct Opened {
    bool is_torso = false;      // a killed ADD left it, before it was published
    bool is_published = false;  // it is the record under a second name: all but that came to an end
    std::optional<Attachment>
        torso{};           // what that ADD had said; absent where it was killed before it could
    std::string remark{};  // what has a record's name and is none; of take()
    Draft draft;
  };
  /// Begins the draft of an attachment, or takes over the one that a killed ADD left. Throws
  /// cni::Error{kTryAgainLater} while another process works on it.
  [[nodiscard]] Opened begin(const Key& key) const;
  /// Takes over what a killed ADD left, waiting up to `patience` for an operation that is still at
  /// work (base::LockTimeout). Absent where there is none.
  [[nodiscard]] std::optional<Opened> take_over(const Key& key,
                                                std::chrono::milliseconds patience) const;
  /// Takes an attachment to remove it, so that no ADD of it begins before `discard`; waits up to
  /// `patience` for an operation that is at work on it (base::LockTimeout, or
  /// cni::Error{kTryAgainLater}). What it gets is the draft that a killed ADD left; or the record,
  /// which becomes a draft in one step, so that it still leads to everything if the removal is cut
  /// short; or, where there is neither, a new draft. Where none can be made, because the file
  /// system is full or read-only, no ADD can begin either: then it goes without. What cannot be
  /// trusted or read is none: neither a directory of that name, nor a file of somebody else's.
  [[nodiscard]] Opened take(const Key& key, std::chrono::milliseconds patience) const;
  /// Makes the draft the attachment's record, in one step. Until `finish` or `discard` it is the
  /// draft as well.
  void publish(const Key& key, const Draft& draft) const;
  /// The opposite: it is a draft and no more. Does what it can.
  void unpublish(const Key& key) const noexcept;
  /// What was published is a draft no more. One that cannot be removed is no torso and does no
  /// harm.
  void finish(const Draft& draft) const;
  /// Removes the draft, where it still is one, and the network's directory once that is empty.
  void discard(const Key& key, const Draft& draft) const;
  /// Removes the record, or what has its name. False where there was none.
  bool remove(const Key& key) const;

 private:
  [[nodiscard]] std::optional<Opened> take_record(const Key& key,
                                                  std::chrono::milliseconds patience) const;
  [[nodiscard]] std::optional<Opened> begin_if_free(const Key& key) const;
  [[nodiscard]] std::string remark_on(const Key& key) const;
  [[nodiscard]] std::optional<Attachment> read(const Key& key, const std::string& name) const;
  [[nodiscard]] static Opened open_draft(base::UniqueFd fd, std::string path);
  [[nodiscard]] std::string directory_of(const std::string& network) const;
  std::string state_directory_;
  std::string kind_;
};

}  // namespace attachment
