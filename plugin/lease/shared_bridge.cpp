#include "plugin/lease/shared_bridge.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <memory>
#include <utility>

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "ipam/reservation_files.h"
#include "plugin/attachment/record_store.h"

namespace lease {
namespace {

constexpr mode_t kDirectoryMode = 0700;
constexpr std::string_view kNoReservations = "-";

std::string target_of(const std::string& mark) {
  std::array<char, PATH_MAX> target{};
  const auto size = ::readlink(mark.c_str(), target.data(), target.size());
  return size <= 0 ? std::string() : std::string(target.data(), static_cast<std::size_t>(size));
}

bool has(const attachment::Attachment& attachment, const base::IpAddress& address) {
  return std::any_of(attachment.addresses.begin(), attachment.addresses.end(),
                     [&](const auto& each) { return each.prefix.address() == address; });
}

}  // namespace

SharedBridge::SharedBridge(std::string state_directory, const std::string& segment,
                           std::string network, const std::string& reservations)
    : state_directory_(std::move(state_directory)),
      bridge_(segment.substr(0, segment.find(':'))),
      directory_(state_directory_ + "/ipam/bridges/" + segment),
      network_(std::move(network)) {
  leave_mark(reservations);
}

// Where none can be left, others do not see this network; that is no reason to fail.
void SharedBridge::leave_mark(const std::string& reservations) const {
  const std::string mark = mark_of(network_);
  const std::string target = reservations.empty() ? std::string(kNoReservations) : reservations;
  const std::string there = target_of(mark);
  if (there == target) return;
  try {
    (void)base::make_directories(directory_ + "/" + network_, kDirectoryMode);
    if (!there.empty()) (void)::unlink(mark.c_str());
    (void)!::symlink(target.c_str(), mark.c_str());
  } catch (const base::SystemError&) {
  }
}

std::string SharedBridge::mark_of(const std::string& network) const {
  return directory_ + "/" + network + "/reservations";
}

// A directory has a link for its name, one for its ".", and one for the ".." of each directory in
// it: of three, the third is this network's. A file system that does not count has one for all.
bool SharedBridge::is_alone() const {
  struct stat status {};
  return ::stat(directory_.c_str(), &status) == 0 && status.st_nlink == 3;
}

void SharedBridge::find_neighbours() {
  neighbours_.emplace();
  if (is_alone()) return;
  const std::unique_ptr<DIR, int (*)(DIR*)> marks(::opendir(directory_.c_str()), ::closedir);
  if (!marks) return;
  // Of one stream, and nobody else reads it. NOLINTNEXTLINE(concurrency-mt-unsafe)
  while (const dirent* entry = ::readdir(marks.get())) {
    Neighbour neighbour{.network = static_cast<const char*>(entry->d_name), .reservations = {}};
    if (neighbour.network == network_ || neighbour.network.starts_with('.')) continue;
    neighbour.reservations = target_of(mark_of(neighbour.network));
    if (neighbour.reservations == kNoReservations) read_records(neighbour);
    neighbours_->push_back(std::move(neighbour));
  }
}

void SharedBridge::read_records(Neighbour& neighbour) const {
  const attachment::RecordStore records(state_directory_);
  for (const auto& key : records.list(neighbour.network)) {
    const auto record = records.find(key);
    if (!record || !record->bridge_port || record->bridge_port->bridge != bridge_) continue;
    for (const auto& address : record->addresses)
      neighbour.recorded.emplace(address.prefix.address(), attachment::to_string(key));
  }
}

// A network may have been on this bridge before, and be on another one now.
std::optional<std::string> SharedBridge::holder_in(const Neighbour& neighbour,
                                                   const base::IpAddress& address) const {
  if (neighbour.reservations == kNoReservations) {
    const auto found = neighbour.recorded.find(address);
    return found == neighbour.recorded.end() ? std::nullopt : std::optional(found->second);
  }
  auto directory = base::open_directory(neighbour.reservations);
  if (!directory) return std::nullopt;
  const auto text =
      ipam::ReservationFiles(std::move(*directory), neighbour.reservations).read(address);
  if (!text) return std::nullopt;
  const auto owner = ipam::parse_reservation(*text);
  const attachment::Key key{neighbour.network, owner.container_id, owner.interface};
  const auto record = attachment::RecordStore(state_directory_).find(key);
  const bool is_here = !record || (record->bridge_port && record->bridge_port->bridge == bridge_ &&
                                   has(*record, address));
  return is_here ? std::optional(attachment::to_string(key)) : std::nullopt;
}

std::optional<std::string> SharedBridge::holder_of(const base::IpAddress& address) {
  if (!neighbours_) find_neighbours();
  for (const Neighbour& neighbour : *neighbours_) {
    if (auto holder = holder_in(neighbour, address)) return holder;
  }
  return std::nullopt;
}

}  // namespace lease
