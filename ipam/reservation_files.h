#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/unique_fd.h"
#include "ipam/index.h"
#include "ipam/store.h"

namespace ipam {

/// A container id may be as long as a runtime likes; it comes by an environment variable, which the
/// kernel limits to 128 KiB.
inline constexpr std::size_t kLongestReservation = 256U << 10;  // bytes

/// What an owner's reservation holds, byte for byte as the reference writes it; the network, where
/// there is one, is a line more.
[[nodiscard]] std::string reservation_text(const Owner& owner);

/// The opposite. A text without an interface is one of the reference's old form. No text at all
/// means no owner: the reference leaves an empty file behind when it is killed.
[[nodiscard]] Owner parse_reservation(std::string_view text);

/// Whether that is an owner as runtimes have them: a container id of CNI's form, and an interface's
/// name or none.
[[nodiscard]] bool is_owner(const Owner& owner);

/// The files in a network's directory. Whoever calls holds the directory's lock.
///
/// A file counts as a reservation if its name is an address, written as Go writes it. Anything else
/// in the directory is somebody else's, but for what a killed writer of ours left.
class ReservationFiles {
 public:
  /// `directory` is open, and `path` is its name for messages.
  ReservationFiles(base::UniqueFd directory, std::string path);

  /// False where the address is reserved.
  [[nodiscard]] bool create(const base::IpAddress& address, std::string_view text) const;
  /// Without white space around it. Empty where it is no file that can hold a reservation, absent
  /// where there is none.
  [[nodiscard]] std::optional<std::string> read(const base::IpAddress& address) const;
  /// Whether the file holds what is no owner's text: nothing, or something that a loss of power
  /// left. False for what cannot be read, which may be anybody's.
  [[nodiscard]] bool is_torn(const base::IpAddress& address) const;
  /// False where there was none.
  [[nodiscard]] bool remove(const base::IpAddress& address) const;
  /// Calls `visit` with every reservation's address and text.
  void each(const std::function<void(const base::IpAddress&, std::string_view text)>& visit) const;

  /// Removes the regular files of reservations for which `condemn` says so, told their modification
  /// time in seconds; returns their addresses.
  using Condemn = std::function<bool(std::int64_t modified, const base::IpAddress& address)>;
  std::vector<base::IpAddress> remove_if(const Condemn& condemn) const;
  /// Whether other hosts may have mounted the file system of the directory, too.
  [[nodiscard]] bool may_be_shared() const;

  [[nodiscard]] std::optional<base::IpAddress> read_last_reserved(std::size_t set) const;
  /// Absent removes it.
  void write_last_reserved(std::size_t set, const std::optional<base::IpAddress>& address) const;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] DirectoryState state() const;
  /// Sets the directory's modification time; false where the file system or the directory's owner
  /// forbids it.
  [[nodiscard]] bool set_modified(const DirectoryState& state) const;

 private:
  void each_name(const std::function<void(const std::string&)>& visit) const;
  void visit_entry(
      const std::string& name,
      const std::function<void(const base::IpAddress&, std::string_view)>& visit) const;
  [[nodiscard]] std::string path_of(const std::string& name) const { return path_ + "/" + name; }

  base::UniqueFd directory_;
  std::string path_;
};

}  // namespace ipam
