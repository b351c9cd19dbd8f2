#include "ipam/host_local_store.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include <sys/random.h>
#include <unistd.h>

#include "base/file.h"
#include "ipam/index.h"
#include "ipam/reservation_files.h"

namespace ipam {
namespace {

using base::IpAddress;

constexpr mode_t kDirectoryMode = 0755;
constexpr mode_t kLockMode = 0750;
constexpr mode_t kIndexDirectoryMode = 0700;
constexpr mode_t kMarkMode = 0600;
constexpr std::string_view kLockName = "lock";

// A time between 1973 and 2001, when no clock has been since.
void choose_stamp(DirectoryState& state) {
  constexpr std::int64_t kEarliest = 100'000'000;
  constexpr std::int64_t kSpan = 900'000'000;
  std::uint32_t random[2]{};
  // Cannot fail for so few bytes, but for a kernel that just started and has no randomness yet.
  (void)!::getrandom(random, sizeof random, GRND_NONBLOCK);
  state.seconds = kEarliest + random[0] % kSpan;
  state.nanoseconds = random[1] % 1'000'000'000;
}

// Never the same again: a directory put back from a copy, times included, must not look current.
void advance_stamp(DirectoryState& state) {
  if (++state.nanoseconds < 1'000'000'000) return;
  state.nanoseconds = 0;
  ++state.seconds;
}

// "reclaimed 3 reservations (10.88.0.2, 10.88.0.3, ...) in /var/lib/cni/networks/demo"
std::string describe(const std::vector<IpAddress>& removed, const std::string& directory) {
  constexpr std::size_t kMostShown = 8;
  std::string shown;
  for (std::size_t i = 0; i < std::min(kMostShown, removed.size()); ++i)
    shown += (i == 0 ? "" : ", ") + removed[i].to_string();
  if (removed.size() > kMostShown) shown += ", ...";
  return "reclaimed " + std::to_string(removed.size()) +
         (removed.size() == 1 ? " reservation (" : " reservations (") + shown + ") in " + directory;
}

class HostLocalStore final : public Store {
 public:
  HostLocalStore(HostLocalPlace place, base::UniqueFd directory, std::chrono::milliseconds patience,
                 std::optional<Reclaim> reclaim)
      : lock_(directory.get(), std::string(kLockName), kLockMode, patience,
              place.directory + "/" + std::string(kLockName)),
        files_(std::move(directory), std::move(place.directory)),
        index_path_(std::move(place.index)),
        reclaim_(std::move(reclaim)) {}
  HostLocalStore(const HostLocalStore&) = delete;
  HostLocalStore& operator=(const HostLocalStore&) = delete;
  ~HostLocalStore() override { stamp(); }

  bool reserve(const IpAddress& address, const Owner& owner) override;
  bool release(const IpAddress& address, const Owner& owner) override;
  std::vector<IpAddress> held_by(const Owner& owner) override;
  std::vector<Owner> owners() override;
  std::optional<Owner> holder_of(const IpAddress& address) override;
  std::optional<IpAddress> next_free(const Range& range, const IpAddress& from) override;
  bool look_again() override;
  std::optional<IpAddress> last_reserved(std::size_t set) override;
  void set_last_reserved(std::size_t set, const std::optional<IpAddress>& address) override;

 private:
  Index& index();
  void rebuild();
  void stamp() noexcept;
  [[nodiscard]] std::string mark_path() const { return index_path_ + ".boot"; }
  [[nodiscard]] bool is_first_of_boot() const;
  void reclaim_earlier_boots();
  [[nodiscard]] bool reclaim_ownerless();

  base::FileLock lock_;  // the first, so that it is given up last
  ReservationFiles files_;
  std::string index_path_;
  std::optional<Reclaim> reclaim_;
  std::optional<Index> index_;
  DirectoryState state_;  // when the index was opened
  bool is_rebuilt_ = false;
  // Changes of the directory that were begun, and those that the index knows of. A change that
  // fails half-way is in the first number only, and the directory is not stamped.
  unsigned begun_ = 0;
  unsigned noted_ = 0;
};

// To be called before the first change of an operation, which would make the state look foreign.
Index& HostLocalStore::index() {
  if (index_) return *index_;
  state_ = files_.state();
  if (is_first_of_boot()) {
    reclaim_earlier_boots();
  } else {
    index_ = Index::open(index_path_, state_);
  }
  if (!index_) rebuild();
  return *index_;
}

// Once a boot, so that a clock which is put forward later makes nothing look old; and never where
// no mark can be kept.
bool HostLocalStore::is_first_of_boot() const {
  return reclaim_ && index_path_.starts_with('/') && ::access(mark_path().c_str(), F_OK) != 0 &&
         errno == ENOENT;
}

void HostLocalStore::reclaim_earlier_boots() {
  if (!files_.may_be_shared()) {
    const auto removed = files_.remove_if(
        [boot_time = reclaim_->boot_time()](std::int64_t modified, const IpAddress&) {
          return modified < boot_time;
        });
    if (!removed.empty())
      reclaim_->report(describe(removed, files_.path()) + " of an earlier boot");
  }
  // Not before: who is killed on the way has not done it.
  const auto slash = index_path_.rfind('/');
  const auto directory = base::make_directories(index_path_.substr(0, slash), kIndexDirectoryMode);
  (void)base::create_file_at(directory.get(), mark_path().substr(slash + 1), "", kMarkMode);
}

bool HostLocalStore::reclaim_ownerless() {
  if (!reclaim_) return false;
  const auto removed = files_.remove_if(
      [&](std::int64_t, const IpAddress& address) { return files_.is_torn(address); });
  if (removed.empty()) return false;
  reclaim_->report(describe(removed, files_.path()) + " without an owner");
  return true;
}

void HostLocalStore::rebuild() {
  Index fresh = Index::make(index_path_);
  files_.each([&](const IpAddress& address, std::string_view text) {
    if (text.empty()) {
      fresh.add(address);
    } else {
      fresh.add(address, parse_reservation(text).container_id);
    }
  });
  index_.emplace(std::move(fresh));
  is_rebuilt_ = true;
  noted_ = ++begun_;
}

// The last step of an operation. Who is killed before it leaves a directory whose time is not the
// index's, and the next operation makes the index anew.
void HostLocalStore::stamp() noexcept {
  if (begun_ == 0 || begun_ != noted_) return;
  DirectoryState next = state_;
  if (is_rebuilt_) {
    choose_stamp(next);
  } else {
    advance_stamp(next);
  }
  index_->set_state(next);
  // Where it fails, the index will not match, which costs time and no more.
  (void)files_.set_modified(next);
}

bool HostLocalStore::reserve(const IpAddress& address, const Owner& owner) {
  Index& reservations = index();
  ++begun_;
  const bool is_ours = files_.create(address, reservation_text(owner));
  if (is_ours) {
    reservations.add(address, owner.container_id);
  } else {
    reservations.add(address);
  }
  ++noted_;
  return is_ours;
}

bool HostLocalStore::release(const IpAddress& address, const Owner& owner) {
  Index& reservations = index();
  if (files_.read(address) != reservation_text(owner)) {
    // In the old form, it is the owner's unless there is one in the present form.
    const auto held = held_by(owner);
    if (std::find(held.begin(), held.end(), address) == held.end()) return false;
  }
  ++begun_;
  const bool was_there = files_.remove(address);
  reservations.remove(address, owner.container_id);
  ++noted_;
  return was_there;
}

// The index's word is taken for no address without a look into its file.
std::vector<IpAddress> HostLocalStore::held_by(const Owner& owner) {
  const std::string present_form = reservation_text(owner);
  std::vector<IpAddress> held;
  std::vector<IpAddress> held_in_old_form;
  for (const IpAddress& address : index().addresses_of(owner.container_id)) {
    const auto text = files_.read(address);
    if (text == present_form) held.push_back(address);
    if (text == owner.container_id) held_in_old_form.push_back(address);
  }
  return held.empty() ? held_in_old_form : held;
}

std::vector<Owner> HostLocalStore::owners() {
  std::set<Owner> owners;
  files_.each([&](const IpAddress&, std::string_view text) {
    if (!text.empty()) owners.insert(parse_reservation(text));
  });
  return {owners.begin(), owners.end()};
}

std::optional<Owner> HostLocalStore::holder_of(const IpAddress& address) {
  const auto text = files_.read(address);
  return text ? std::optional(parse_reservation(*text)) : std::nullopt;
}

std::optional<IpAddress> HostLocalStore::next_free(const Range& range, const IpAddress& from) {
  return index().next_free(from, range.last);
}

bool HostLocalStore::look_again() {
  const bool given_up = reclaim_ownerless();
  if (is_rebuilt_ && !given_up) return false;
  rebuild();
  return true;
}

std::optional<IpAddress> HostLocalStore::last_reserved(std::size_t set) {
  return files_.read_last_reserved(set);
}

void HostLocalStore::set_last_reserved(std::size_t set, const std::optional<IpAddress>& address) {
  (void)index();
  ++begun_;
  files_.write_last_reserved(set, address);
  ++noted_;
}

}  // namespace

std::unique_ptr<Store> open_host_local_store(const HostLocalPlace& place,
                                             std::chrono::milliseconds patience,
                                             std::optional<Reclaim> reclaim) {
  return std::make_unique<HostLocalStore>(
      place, base::make_directories(place.directory, kDirectoryMode), patience, std::move(reclaim));
}

std::unique_ptr<Store> find_host_local_store(const HostLocalPlace& place,
                                             std::chrono::milliseconds patience,
                                             std::optional<Reclaim> reclaim) {
  auto directory = base::open_directory(place.directory);
  if (!directory) return nullptr;
  return std::make_unique<HostLocalStore>(place, std::move(*directory), patience,
                                          std::move(reclaim));
}

}  // namespace ipam
