#include "ipam/reservation_files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

namespace ipam {
namespace {

using base::IpAddress;
using base::SystemError;

constexpr std::string_view kLineBreak = "\r\n";
constexpr std::string_view kWhiteSpace = " \t\n\v\f\r";
constexpr mode_t kFileMode = 0600;

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(kWhiteSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kWhiteSpace) - begin + 1);
}

// Gives the failure its full path, which base knew only the end of.
template <typename Call>
auto with_path(std::string_view operation, const std::string& path, Call call) {
  try {
    return call();
  } catch (const SystemError& error) {
    throw SystemError(operation, path, error.code());
  }
}

// How the system says that a name is not a file to be read: a link, a directory, a socket, too
// much.
bool means_no_reservation(int code) {
  return code == ELOOP || code == EISDIR || code == ENXIO || code == EFBIG;
}

std::string last_reserved_name(std::size_t set) {
  return "last_reserved_ip." + std::to_string(set);
}

}  // namespace

std::string reservation_text(const Owner& owner) {
  std::string text = owner.container_id + std::string(kLineBreak) + owner.interface;
  if (!owner.network.empty()) text.append(kLineBreak).append(owner.network);
  return text;
}

Owner parse_reservation(std::string_view text) {
  text = trim(text);
  const auto take_line = [&text] {
    std::string line(text.substr(0, text.find(kLineBreak)));
    text.remove_prefix(std::min(line.size() + kLineBreak.size(), text.size()));
    return line;
  };
  Owner owner{.container_id = take_line(), .interface = take_line()};
  owner.network = text;
  return owner;
}

bool is_owner(const Owner& owner) {
  const auto is_of_id = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           c == '.' || c == '-';
  };
  // As the kernel has them (dev_valid_name), which leaves the bytes of other alphabets alone.
  const auto is_of_name = [](char c) {
    constexpr std::string_view kNever("/: \t\n\v\f\r\0", 9);
    return kNever.find(c) == std::string_view::npos;
  };
  constexpr std::size_t kLongestInterfaceName = 15;
  return !owner.container_id.empty() && owner.interface.size() <= kLongestInterfaceName &&
         std::all_of(owner.container_id.begin(), owner.container_id.end(), is_of_id) &&
         std::all_of(owner.interface.begin(), owner.interface.end(), is_of_name) &&
         std::all_of(owner.network.begin(), owner.network.end(), is_of_id);
}

ReservationFiles::ReservationFiles(base::UniqueFd directory, std::string path)
    : directory_(std::move(directory)), path_(std::move(path)) {}

bool ReservationFiles::create(const IpAddress& address, std::string_view text) const {
  const std::string name = address.to_string();
  return with_path("create", path_of(name),
                   [&] { return base::create_file_at(directory_.get(), name, text, kFileMode); });
}

std::optional<std::string> ReservationFiles::read(const IpAddress& address) const {
  const std::string name = address.to_string();
  try {
    const auto text = base::read_file_at(directory_.get(), name, kLongestReservation);
    return text ? std::optional(std::string(trim(*text))) : std::nullopt;
  } catch (const SystemError& error) {
    if (means_no_reservation(error.code())) return "";
    throw SystemError("read", path_of(name), error.code());
  }
}

bool ReservationFiles::is_torn(const IpAddress& address) const {
  try {
    const auto text =
        base::read_file_at(directory_.get(), address.to_string(), kLongestReservation);
    return text && !is_owner(parse_reservation(*text));
  } catch (const SystemError&) {
    return false;
  }
}

bool ReservationFiles::remove(const IpAddress& address) const {
  const std::string name = address.to_string();
  return with_path("remove", path_of(name),
                   [&] { return base::remove_file_at(directory_.get(), name); });
}

void ReservationFiles::visit_entry(
    const std::string& name,
    const std::function<void(const IpAddress&, std::string_view)>& visit) const {
  if (name.starts_with(base::kTemporaryPrefix)) {
    // Nobody writes it any more, since we hold the lock.
    (void)::unlinkat(directory_.get(), name.c_str(), 0);
    return;
  }
  const auto address = IpAddress::parse(name);
  if (!address) return;
  // By the name as we write it: an address in another spelling is somebody else's file.
  if (const auto text = read(*address)) visit(*address, *text);
}

void ReservationFiles::each(
    const std::function<void(const IpAddress&, std::string_view)>& visit) const {
  each_name([&](const std::string& name) { visit_entry(name, visit); });
}

std::vector<IpAddress> ReservationFiles::remove_if(const Condemn& condemn) const {
  std::vector<IpAddress> removed;
  each_name([&](const std::string& name) {
    const auto address = IpAddress::parse(name);
    if (!address || address->to_string() != name) return;
    struct stat status {};
    if (::fstatat(directory_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return;
    if (!S_ISREG(status.st_mode) || !condemn(status.st_mtim.tv_sec, *address)) return;
    if (remove(*address)) removed.push_back(*address);
  });
  return removed;
}

bool ReservationFiles::may_be_shared() const {
  // Of linux/magic.h, or of those that its list lacks: SMB, and clusters'.
  constexpr std::array<std::uint32_t, 12> kShared = {
      NFS_SUPER_MAGIC,  SMB_SUPER_MAGIC,   CIFS_SUPER_MAGIC,       SMB2_SUPER_MAGIC,
      FUSE_SUPER_MAGIC, CEPH_SUPER_MAGIC,  AFS_SUPER_MAGIC,        CODA_SUPER_MAGIC,
      V9FS_MAGIC,       OCFS2_SUPER_MAGIC, 0x01161970U /* GFS2 */, 0x0bd00bd0U /* Lustre */};
  struct statfs status {};
  if (::fstatfs(directory_.get(), &status) != 0) return true;
  const auto type = static_cast<std::uint32_t>(status.f_type);
  return std::find(kShared.begin(), kShared.end(), type) != kShared.end();
}

void ReservationFiles::each_name(const std::function<void(const std::string&)>& visit) const {
  // A descriptor of its own, because a directory's position is the descriptor's.
  const auto stream = base::open_at(directory_.get(), ".", O_RDONLY | O_DIRECTORY);
  if (!stream) return;
  alignas(dirent64) std::array<char, 32768> entries;
  for (;;) {
    const auto size = ::getdents64(stream->get(), entries.data(), entries.size());
    if (size < 0) throw SystemError("list", path_, errno);
    if (size == 0) return;
    for (std::size_t offset = 0; offset < static_cast<std::size_t>(size);) {
      const auto* entry = reinterpret_cast<const dirent64*>(entries.data() + offset);
      visit(entry->d_name);
      offset += entry->d_reclen;
    }
  }
}

std::optional<IpAddress> ReservationFiles::read_last_reserved(std::size_t set) const {
  constexpr std::size_t kLongest = 256;
  try {
    const auto text = base::read_file_at(directory_.get(), last_reserved_name(set), kLongest);
    return text ? IpAddress::parse(trim(*text)) : std::nullopt;
  } catch (const SystemError&) {
    // It says where to begin and no more: without it, the search begins at the beginning.
    return std::nullopt;
  }
}

void ReservationFiles::write_last_reserved(std::size_t set,
                                           const std::optional<IpAddress>& address) const {
  // In place, as the reference does: a torn write costs the round robin its place, and no more. Cut
  // to length only afterwards, so that a full disk leaves what was there.
  const std::string name = last_reserved_name(set);
  with_path("write", path_of(name), [&] {
    if (!address) {
      (void)base::remove_file_at(directory_.get(), name);
      return;
    }
    const auto fd = base::open_at(directory_.get(), name, O_WRONLY | O_CREAT, kFileMode);
    if (!fd) throw SystemError("write", name, ENOENT);
    const std::string text = address->to_string();
    base::write_all(fd->get(), text, name);
    if (::ftruncate(fd->get(), static_cast<off_t>(text.size())) != 0)
      throw SystemError("write", name, errno);
  });
}

DirectoryState ReservationFiles::state() const {
  struct stat status {};
  if (::fstat(directory_.get(), &status) != 0) throw SystemError("examine", path_, errno);
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .seconds = status.st_mtim.tv_sec,
          .nanoseconds = status.st_mtim.tv_nsec};
}

bool ReservationFiles::set_modified(const DirectoryState& state) const {
  timespec accessed{};
  accessed.tv_nsec = UTIME_OMIT;
  timespec modified{};
  modified.tv_sec = state.seconds;
  modified.tv_nsec = state.nanoseconds;
  const std::array<timespec, 2> times{accessed, modified};
  return ::futimens(directory_.get(), times.data()) == 0;
}

}  // namespace ipam
