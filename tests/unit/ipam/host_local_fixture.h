#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <string>

#include "base/temporary_directory.h"
#include "ipam/addresses.h"
#include "ipam/allocator.h"
#include "ipam/host_local_store.h"

namespace test {

/// A network's directory of reservations, and a place for our index, both gone with the object.
class Network {
 public:
  [[nodiscard]] std::string data_directory() const { return root_ / "networks"; }
  [[nodiscard]] std::string name() const { return "net"; }
  [[nodiscard]] std::string directory() const { return data_directory() + "/" + name(); }
  [[nodiscard]] std::string index() const { return root_ / "state/index"; }
  [[nodiscard]] std::string file(const std::string& name) const { return directory() + "/" + name; }
  [[nodiscard]] ipam::HostLocalPlace place() const {
    return {.directory = directory(), .index = index()};
  }
  [[nodiscard]] std::unique_ptr<ipam::Store> open() const {
    return ipam::open_host_local_store(place(), std::chrono::seconds(300));
  }

  /// One address of the subnet, in an operation of its own.
  [[nodiscard]] std::string allocate(const ipam::Owner& owner, const std::string& subnet) const {
    const auto store = open();
    const auto given =
        ipam::allocate(*store, {.owner = owner, .sets = {{range(subnet)}}, .requested = {}});
    return given.at(0).address.address().to_string();
  }
  // NOLINTNEXTLINE(modernize-use-nodiscard)
  std::vector<base::IpAddress> release(const ipam::Owner& owner) const {
    return ipam::release(*open(), owner);
  }
  [[nodiscard]] std::vector<base::IpAddress> held_by(const ipam::Owner& owner) const {
    return open()->held_by(owner);
  }
  /// The names of the reservations.
  [[nodiscard]] std::set<std::string> reserved() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory())) {
      const std::string name = entry.path().filename();
      if (base::IpAddress::parse(name)) names.insert(name);
    }
    return names;
  }

 private:
  TemporaryDirectory root_;
};

}  // namespace test
