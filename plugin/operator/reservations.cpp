#include "plugin/operator/reservations.h"

#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "ipam/reservation_files.h"
#include "plugin/operator/files.h"

namespace tool {
namespace {

std::optional<std::chrono::system_clock::time_point> written_at(const std::string& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return std::nullopt;
  return std::chrono::system_clock::from_time_t(status.st_mtim.tv_sec);
}

}  // namespace

Reservations::Reservations(const std::vector<std::string>& directories) {
  for (const auto& directory : directories) {
    for (const auto& network : names_in(directory)) read(directory + "/" + network, network);
  }
}

void Reservations::read(const std::string& directory, const std::string& network) {
  for (const auto& name : names_in(directory)) {
    const auto address = base::IpAddress::parse(name);
    if (!address) continue;
    try {
      const auto text = base::read_file(directory + "/" + name, ipam::kLongestReservation);
      if (!text) continue;
      auto owner = ipam::parse_reservation(*text);
      // In a pool's directory each says whose it is.
      const std::string of = owner.network.empty() ? network : owner.network;
      const std::string file = directory + "/" + name;
      holders_.emplace(*address, Holder{of, std::move(owner), file, written_at(file)});
    } catch (const base::SystemError&) {
      // What cannot be read names nobody.
    }
  }
}

const Holder* Reservations::find(const base::IpAddress& address) const {
  const auto at = holders_.find(address);
  return at == holders_.end() ? nullptr : &at->second;
}

}  // namespace tool
