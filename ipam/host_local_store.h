#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "ipam/store.h"

namespace ipam {

struct HostLocalPlace {
  /// <dataDir>/<network name>: the reservations, shared with the reference plugin.
  std::string directory;
  /// The file of our own index of them, made when missing. It may vanish at any time, and must not
  /// outlive the boot: /run. None is kept where this is empty.
  std::string index;
};

/// What may be given up that nobody released.
struct Reclaim {
  /// In seconds of the epoch: a reservation that is older is of an earlier boot, and its container
  /// is gone with that. 0 for none. Asked once a boot.
  std::function<std::int64_t()> boot_time;
  /// Takes a sentence for the log.
  std::function<void(const std::string&)> report;
};

/// The files of the reference host-local, byte for byte, so that both plugins can work in one
/// directory at the same time; elsewhere, an index that makes every operation's cost independent of
/// the number of reservations.
///
/// Format (reference host-local, backend/disk): directory 0755; a file 0600 for each address, named
/// by its text, holding "<container id>\r\n<interface>" without a newline at the end;
/// `last_reserved_ip.<set>`, 0600, holding an address; `lock`, 0750, held with flock(2).
///
/// The index is valid for exactly one state of the directory, which is told by the directory's
/// modification time: after each operation of ours it is set to a stamp that the index knows and
/// that no clock gives, so a change by anyone else, or one of ours that was cut short, is noticed,
/// and the index is made anew by one scan.
///
/// Nothing depends on the index being right: an address is reserved by making a file that must not
/// be there yet, and released when the file's content is its owner's. What others could have
/// written (an index that is not ours alone to write, or in a directory that is not) is not used;
/// where none can be kept, each operation scans.
///
/// Opening throws base::LockTimeout when the lock is not to be had within `patience`,
/// base::SystemError where a file cannot be used.
///
/// With `reclaim`, the first operation after a boot (which finds no mark of an earlier one beside
/// the index) removes the reservations of earlier boots, unless the directory is on a file system
/// that other hosts may share; and look_again() removes those without an owner: empty files, which
/// the reference leaves when it is killed or a disk that lost its power, and what is no owner's
/// text. What an owner holds since this boot is never touched.
[[nodiscard]] std::unique_ptr<Store> open_host_local_store(
    const HostLocalPlace& place, std::chrono::milliseconds patience,
    std::optional<Reclaim> reclaim = std::nullopt);

/// As above, but absent where the directory does not exist, which it leaves so.
[[nodiscard]] std::unique_ptr<Store> find_host_local_store(
    const HostLocalPlace& place, std::chrono::milliseconds patience,
    std::optional<Reclaim> reclaim = std::nullopt);

}  // namespace ipam
