#include "plugin/attachment/record_store.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "plugin/attachment/record.h"
#include "plugin/attachment/record_names.h"
#include "plugin/cni/error.h"

namespace attachment {
namespace {

constexpr mode_t kDirectoryMode = 0700;
constexpr mode_t kRecordMode = 0600;
constexpr int kDirectoryAttempts = 100;
constexpr int kRounds = 100;

[[noreturn]] void refuse_busy(const Key& key) {
  throw cni::Error(cni::Code::kTryAgainLater, "another operation is at work on " + to_string(key));
}

// Where locks do not work at all, the draft that was just made is nobody else's: one that somebody
// works on is never empty for long.
[[noreturn]] void refuse_unlocked(int directory, const std::string& path, const std::string& name,
                                  const base::UniqueFd& fd, const Key& key) {
  const int code = errno;
  if (code == EWOULDBLOCK) refuse_busy(key);
  if (::lseek(fd.get(), 0, SEEK_END) == 0) {
    (void)base::remove_file_at(directory, name);
    (void)::rmdir(path.c_str());
  }
  throw base::SystemError("lock", path + "/" + name, code);
}

bool names_file(int directory, const std::string& name, int fd) {
  struct stat by_name {};
  struct stat by_fd {};
  return ::fstatat(directory, name.c_str(), &by_name, AT_SYMLINK_NOFOLLOW) == 0 &&
         ::fstat(fd, &by_fd) == 0 && by_name.st_ino == by_fd.st_ino &&
         by_name.st_dev == by_fd.st_dev;
}

// Records tell what to remove: who could write them could have us remove anything.
void require_own(const std::string& path, const struct stat& status) {
  std::string defect;
  if (S_ISLNK(status.st_mode)) {
    defect = "it is a symbolic link";
  } else if (status.st_uid != ::geteuid()) {
    defect = "it belongs to user " + std::to_string(status.st_uid);
  } else if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    defect = "others than its owner can write to it; chmod go-w " + path;
  }
  if (!defect.empty()) throw cni::Error(cni::Code::kFile, "use " + path + ": " + defect);
}

}  // namespace

void Draft::write(const Attachment& attachment) {
  line_ = to_record(attachment);
  base::write_all(fd_.get(), line_ + "\n", name_);
}

void Draft::write_timings(const std::vector<Timing>& timings) {
  if (line_.empty()) return;
  base::write_all(fd_.get(), with_timings(line_, timings) + "\n", name_);
}

RecordStore::RecordStore(std::string state_directory, std::string_view kind)
    : state_directory_(std::move(state_directory)), kind_(kind) {
  struct stat status {};
  // Where an operator has moved it, it may be by a link.
  if (::stat(state_directory_.c_str(), &status) == 0) require_own(state_directory_, status);
  const std::string records = state_directory_ + "/" + kind_;
  if (::lstat(records.c_str(), &status) == 0) require_own(records, status);
}

std::string RecordStore::directory_of(const std::string& network) const {
  return state_directory_ + "/" + kind_ + "/" + file_part(network);
}

std::optional<Attachment> RecordStore::find(const Key& key) const {
  const auto directory = base::open_directory(directory_of(key.network));
  if (!directory) return std::nullopt;
  const auto text = base::read_file_at(directory->get(), file_name(key), kLongestRecord);
  if (!text) return std::nullopt;
  auto attachment = parse_record(*text);
  if (attachment) attachment->finished = true;
  return attachment;
}

bool RecordStore::exists(const Key& key) const {
  const std::string path = directory_of(key.network) + "/" + file_name(key);
  return ::faccessat(AT_FDCWD, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

std::optional<std::chrono::system_clock::time_point> RecordStore::written_at(const Key& key) const {
  const std::string path = directory_of(key.network) + "/" + file_name(key);
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return std::nullopt;
  const auto since_epoch = std::chrono::seconds(status.st_mtim.tv_sec) +
                           std::chrono::nanoseconds(status.st_mtim.tv_nsec);
  return std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(since_epoch));
}

std::vector<Key> RecordStore::list(const std::string& network) const {
  return list_directory(directory_of(network), file_part(network));
}

std::vector<Key> RecordStore::list_all() const {
  const std::string path = state_directory_ + "/" + kind_ + "/";
  std::vector<Key> all;
  for (const std::string& part : names_in(path)) {
    if (part.starts_with('.')) continue;
    std::string directory = path;
    directory += part;
    for (Key& key : list_directory(directory, part)) all.push_back(std::move(key));
  }
  return all;
}

bool RecordStore::is_at_work(const Key& key) const {
  const auto directory = base::open_directory(directory_of(key.network));
  if (!directory) return false;
  const auto fd = base::open_at(directory->get(), draft_name(key), O_RDONLY);
  return fd && ::flock(fd->get(), LOCK_SH | LOCK_NB) != 0;
}

bool RecordStore::is_abandoned(const Key& key) const {
  const auto directory = base::open_directory(directory_of(key.network));
  if (!directory) return false;
  const auto fd = base::open_at(directory->get(), draft_name(key), O_RDONLY);
  return fd && ::flock(fd->get(), LOCK_SH | LOCK_NB) == 0;
}

RecordStore::Opened RecordStore::begin(const Key& key) const {
  const std::string path = directory_of(key.network);
  const std::string name = draft_name(key);
  const std::string file = path + "/" + name;
  // Whoever removes the network's last record removes its directory as well, maybe between our two
  // steps.
  for (int attempt = 0; attempt < kDirectoryAttempts; ++attempt) {
    const base::UniqueFd directory = base::make_directories(path, kDirectoryMode);
    auto fd = base::open_at(directory.get(), name, O_RDWR | O_CREAT | O_APPEND, kRecordMode);
    if (!fd) continue;
    if (::flock(fd->get(), LOCK_EX | LOCK_NB) != 0)
      refuse_unlocked(directory.get(), path, name, *fd, key);
    // The file may have been published or discarded between the opening and the locking: then the
    // lock is on nothing.
    if (!names_file(directory.get(), name, fd->get())) refuse_busy(key);
    return open_draft(std::move(*fd), file);
  }
  throw base::SystemError("create", path + "/" + name, ENOENT);
}

std::optional<RecordStore::Opened> RecordStore::take_over(
    const Key& key, std::chrono::milliseconds patience) const {
  const std::string path = directory_of(key.network);
  const auto directory = base::open_directory(path);
  if (!directory) return std::nullopt;
  const std::string name = draft_name(key);
  auto fd = base::open_at(directory->get(), name, O_RDWR | O_APPEND);
  if (!fd) return std::nullopt;
  base::lock_exclusively(fd->get(), patience, path + "/" + name);
  if (!names_file(directory->get(), name, fd->get())) return std::nullopt;
  Opened opened = open_draft(std::move(*fd), path + "/" + name);
  opened.is_torso = true;
  return opened;
}

// The lock that it gets on the record is on the draft that it makes of it.
std::optional<RecordStore::Opened> RecordStore::take_record(
    const Key& key, std::chrono::milliseconds patience) const {
  const std::string path = directory_of(key.network);
  const auto directory = base::open_directory(path);
  if (!directory) return std::nullopt;
  const std::string name = file_name(key);
  const std::string draft = draft_name(key);
  auto fd = base::open_at(directory->get(), name, O_RDWR | O_APPEND);
  if (!fd) return std::nullopt;
  base::lock_exclusively(fd->get(), patience, path + "/" + name);
  if (!names_file(directory->get(), name, fd->get())) return std::nullopt;
  // A link, and not a rename, because that would replace a draft that somebody began meanwhile.
  if (::linkat(directory->get(), name.c_str(), directory->get(), draft.c_str(), 0) != 0) {
    if (errno == EEXIST) return std::nullopt;
    throw base::SystemError("create", path + "/" + draft, errno);
  }
  (void)base::remove_file_at(directory->get(), name);
  Opened opened = open_draft(std::move(*fd), path + "/" + draft);
  opened.is_torso = true;
  if (opened.torso) opened.torso->finished = true;
  return opened;
}

std::optional<RecordStore::Opened> RecordStore::begin_if_free(const Key& key) const {
  try {
    return begin(key);
  } catch (const cni::Error& error) {
    if (error.code() != static_cast<unsigned>(cni::Code::kTryAgainLater)) throw;
    return std::nullopt;
  } catch (const base::SystemError& error) {
    const int code = error.code();
    if (code != ENOSPC && code != EDQUOT && code != EROFS && code != EACCES && code != EPERM) throw;
    return Opened{.draft = Draft({}, {}), .is_torso = false, .torso = std::nullopt};
  }
}

RecordStore::Opened RecordStore::take(const Key& key, std::chrono::milliseconds patience) const {
  // Each round but the last found that another operation came to its end meanwhile.
  for (int round = 0; round < kRounds; ++round) {
    if (auto opened = take_over(key, patience)) return std::move(*opened);
    if (auto opened = take_record(key, patience)) return std::move(*opened);
    if (auto opened = begin_if_free(key)) return std::move(*opened);
  }
  refuse_busy(key);
}

RecordStore::Opened RecordStore::open_draft(base::UniqueFd fd, std::string path) {
  const std::string text = base::read_all(fd.get(), kLongestRecord, path);
  Opened opened{.draft = Draft(std::move(fd), std::move(path)),
                .is_torso = !text.empty(),
                .torso = parse_record(text)};
  return opened;
}

// Whoever takes the last one away takes the directory with it.
bool RecordStore::has_any(const std::string& network) const {
  return ::access(directory_of(network).c_str(), F_OK) == 0;
}

bool RecordStore::has_others(const Key& key) const {
  const std::string own = file_name(key);
  const std::string own_draft = draft_name(key);
  bool found = false;
  visit_names(directory_of(key.network), [&](std::string_view name) {
    found = name != own && name != own_draft && name != "." && name != "..";
    return found;
  });
  return found;
}

void RecordStore::publish(const Key& key, const Draft& draft) const {
  const std::string record = directory_of(key.network) + "/" + file_name(key);
  if (::rename(draft.name_.c_str(), record.c_str()) != 0)
    throw base::SystemError("rename to", record, errno);
}

void RecordStore::discard(const Key& key, const Draft& draft) const {
  (void)::unlink(draft.name_.c_str());
  // Fails while other attachments have records in it, which is right.
  (void)::rmdir(directory_of(key.network).c_str());
}

bool RecordStore::remove(const Key& key) const {
  const std::string directory = directory_of(key.network);
  const std::string record = directory + "/" + file_name(key);
  if (::unlink(record.c_str()) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return false;
    throw base::SystemError("remove", record, errno);
  }
  (void)::rmdir(directory.c_str());
  return true;
}

}  // namespace attachment
