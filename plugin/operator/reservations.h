#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "ipam/store.h"

namespace tool {

struct Holder {
  std::string network;
  ipam::Owner owner;
  std::string file{};
  std::optional<std::chrono::system_clock::time_point> since{};
};

/// The reservations below directories of host-local, <directory>/<network>/<address>, read without
/// their locks: a look, not an operation.
class Reservations {
 public:
  explicit Reservations(const std::vector<std::string>& directories);
  /// Null where nobody holds it.
  [[nodiscard]] const Holder* find(const base::IpAddress& address) const;
  [[nodiscard]] const std::multimap<base::IpAddress, Holder>& all() const noexcept {
    return holders_;
  }

 private:
  void read(const std::string& directory, const std::string& network);
  std::multimap<base::IpAddress, Holder> holders_;
};

}  // namespace tool
