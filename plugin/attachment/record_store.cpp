#include "plugin/attachment/record_store.h"

#include <cerrno>

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "plugin/attachment/record.h"
#include "plugin/attachment/record_entry.h"
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

// Who looks whether a draft is at work holds it shared, for a moment, and is not at work on it.
bool lock_draft(int fd) {
  constexpr int kMostLooks = 1000;
  for (int look = 0; look < kMostLooks; ++look) {
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
    if (errno != EWOULDBLOCK || ::flock(fd, LOCK_SH | LOCK_NB) != 0) return false;
    (void)::flock(fd, LOCK_UN);
    (void)::sched_yield();
  }
  errno = EWOULDBLOCK;
  return false;
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

[[noreturn]] void refuse_long(const Key& key) {
  throw cni::Error(cni::Code::kInvalidConfig,
                   "the record of " + to_string(key) + " would be longer than " +
                       std::to_string(kLongestLine >> 20U) + " MiB",
                   "ask for fewer ports, routes or settings");
}

}  // namespace

void Draft::write(const Attachment& attachment) {
  line_ = to_record(attachment);
  if (line_.size() > kLongestLine) refuse_long(attachment.key);
  wire_ = attachment.wire;
  base::write_all(fd_.get(), line_ + "\n", name_);
}

void Draft::write_ending(const Wire& wire, const std::vector<Timing>& timings) {
  if (line_.empty()) return;
  const Wire further = wire == wire_ ? Wire{} : wire;
  base::write_all(fd_.get(), with_ending(line_, further, timings) + "\n", name_);
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

std::optional<Attachment> RecordStore::read(const Key& key, const std::string& name) const {
  const auto directory = find_directory(directory_of(key.network));
  if (!directory) return std::nullopt;
  const auto text = read_entry(*directory, name);
  return text ? parse_record(*text) : std::nullopt;
}

std::optional<Attachment> RecordStore::find(const Key& key) const {
  auto attachment = read(key, file_name(key));
  if (attachment) attachment->finished = true;
  return attachment;
}

std::optional<Attachment> RecordStore::find_draft(const Key& key) const {
  return read(key, draft_name(key));
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

std::vector<Attachment> RecordStore::find_in_other_networks(const Key& key) const {
  const std::string path = state_directory_ + "/" + kind_ + "/";
  std::vector<Attachment> found;
  for (const std::string& part : names_in(path)) {
    const auto directory = part.starts_with('.') || part == file_part(key.network)
                               ? std::nullopt
                               : find_directory(std::string(path).append(part));
    const auto text = directory ? read_entry(*directory, file_name(key)) : std::nullopt;
    auto record = text ? parse_record(*text) : std::nullopt;
    if (!record || file_part(record->key.network) != part) continue;
    if (file_name(record->key) == file_name(key)) found.push_back(std::move(*record));
  }
  return found;
}

bool RecordStore::is_at_work(const Key& key) const {
  const auto directory = find_directory(directory_of(key.network));
  if (!directory) return false;
  const auto entry = open_entry(*directory, draft_name(key));
  return entry && entry->fd && ::flock(entry->fd.get(), LOCK_SH | LOCK_NB) != 0;
}

bool RecordStore::is_abandoned(const Key& key) const {
  const auto directory = find_directory(directory_of(key.network));
  if (!directory) return false;
  const auto entry = open_entry(*directory, draft_name(key));
  return entry && entry->fd && ::flock(entry->fd.get(), LOCK_SH | LOCK_NB) == 0;
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
    if (!lock_draft(fd->get())) refuse_unlocked(directory.get(), path, name, *fd, key);
    // The file may have been published or discarded between the opening and the locking: then the
    // lock is on nothing.
    const auto status = find_named(directory.get(), name, fd->get());
    if (!status) refuse_busy(key);
    require_own_file(file, *status);
    const bool is_published = find_named(directory.get(), file_name(key), fd->get()).has_value();
    Opened opened = open_draft(std::move(*fd), file);
    opened.is_published = is_published;
    opened.is_torso = opened.is_torso && !is_published;
    return opened;
  }
  throw base::SystemError("create", path + "/" + name, ENOENT);
}

std::optional<RecordStore::Opened> RecordStore::take_over(
    const Key& key, std::chrono::milliseconds patience) const {
  const std::string path = directory_of(key.network);
  const auto directory = find_directory(path);
  if (!directory) return std::nullopt;
  const std::string name = draft_name(key);
  auto entry = open_entry(*directory, name);
  if (!entry || !entry->defect.empty()) return std::nullopt;
  base::lock_exclusively(entry->fd.get(), patience, path + "/" + name);
  if (!find_named(directory->get(), name, entry->fd.get())) return std::nullopt;
  const bool is_published =
      find_named(directory->get(), file_name(key), entry->fd.get()).has_value();
  Opened opened = open_draft(std::move(entry->fd), path + "/" + name);
  opened.is_torso = !is_published;
  return opened;
}

// The lock that it gets on the record is on the draft that it makes of it.
std::optional<RecordStore::Opened> RecordStore::take_record(
    const Key& key, std::chrono::milliseconds patience) const {
  const std::string path = directory_of(key.network);
  const auto directory = find_directory(path);
  if (!directory) return std::nullopt;
  const std::string name = file_name(key);
  const std::string draft = draft_name(key);
  auto entry = open_entry(*directory, name);
  if (!entry || !entry->defect.empty()) return std::nullopt;
  base::lock_exclusively(entry->fd.get(), patience, path + "/" + name);
  if (!find_named(directory->get(), name, entry->fd.get())) return std::nullopt;
  if (!rename_if_free(*directory, name, draft)) return std::nullopt;
  Opened opened = open_draft(std::move(entry->fd), path + "/" + draft);
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
    const bool is_refused = code == ENOSPC || code == EDQUOT || code == EROFS || code == EACCES ||
                            code == EPERM || code == EIO;
    if (!is_refused && !is_of_file(code)) throw;
    return Opened{.draft = Draft({}, {})};
  }
}

RecordStore::Opened RecordStore::take(const Key& key, std::chrono::milliseconds patience) const {
  // Each round but the last found that another operation came to its end meanwhile.
  for (int round = 0; round < kRounds; ++round) {
    if (auto opened = take_over(key, patience)) return std::move(*opened);
    if (auto opened = take_record(key, patience)) return std::move(*opened);
    std::string remark = remark_on(key);
    if (auto opened = begin_if_free(key)) {
      opened->remark = std::move(remark);
      return std::move(*opened);
    }
  }
  refuse_busy(key);
}

// A draft in the way would keep the lock from being taken; a record goes when all it led to has.
std::string RecordStore::remark_on(const Key& key) const {
  const std::string path = directory_of(key.network);
  const auto directory = find_directory(path);
  std::string remark;
  for (const std::string& name : {file_name(key), draft_name(key)}) {
    const auto entry = directory ? open_entry(*directory, name) : std::nullopt;
    if (!entry || entry->defect.empty()) continue;
    const std::string file = std::string(path).append("/").append(name);
    if (!remark.empty()) remark += "; ";
    remark.append(file).append(": ").append(entry->defect);
    if (name == draft_name(key)) (void)remove_entry(file);
  }
  return remark;
}

RecordStore::Opened RecordStore::open_draft(base::UniqueFd fd, std::string path) {
  const auto text = read_record(fd, path);
  return {.is_torso = text != "",
          .torso = parse_record(text.value_or("")),
          .draft = Draft(std::move(fd), std::move(path))};
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

// By a second name: until the runtime has the result, whoever finds the first one free of its lock
// clears up after an ADD that was killed.
void RecordStore::publish(const Key& key, const Draft& draft) const {
  const std::string record = directory_of(key.network) + "/" + file_name(key);
  if (::link(draft.name_.c_str(), record.c_str()) != 0)
    throw base::SystemError("create", record, errno);
}

void RecordStore::unpublish(const Key& key) const noexcept {
  (void)::unlink((directory_of(key.network) + "/" + file_name(key)).c_str());
}

void RecordStore::finish(const Draft& draft) const {
  (void)::unlink(draft.name_.c_str());
}

void RecordStore::discard(const Key& key, const Draft& draft) const {
  (void)::unlink(draft.name_.c_str());
  // Fails while other attachments have records in it, which is right.
  (void)::rmdir(directory_of(key.network).c_str());
}

bool RecordStore::remove(const Key& key) const {
  const std::string directory = directory_of(key.network);
  const std::string record = directory + "/" + file_name(key);
  if (!remove_entry(record)) {
    if (errno == ENOENT || errno == ENOTDIR) return false;
    throw base::SystemError("remove", record, errno);
  }
  (void)::rmdir(directory.c_str());
  return true;
}

}  // namespace attachment
