#include "plugin/operator/reservations.h"

#include "base/error.h"
#include "base/file.h"
#include "ipam/reservation_files.h"
#include "plugin/operator/files.h"

namespace tool {
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
      if (text) holders_.emplace(*address, Holder{network, ipam::parse_reservation(*text)});
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
