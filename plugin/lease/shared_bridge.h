#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"

namespace lease {

/// The networks of ours whose containers are on one bridge, or in one VLAN of it, and so must not
/// give the same address twice, whatever ranges each of them has.
///
/// Each leaves a mark in <state directory>/ipam/bridges/<segment>: a directory of its name, for
/// these count themselves in the link count of the one above, and in it a link to its reservations,
/// or to nothing where it has none. They go with the boot.
class SharedBridge {
 public:
  /// Leaves the mark of `network`. `segment` is the bridge's name, with a VLAN that of the bridge
  /// and its number; `reservations` is a directory, or empty.
  SharedBridge(std::string state_directory, const std::string& segment, std::string network,
               const std::string& reservations);

  /// "n1/a/eth0", of whom has the address from another network. To be asked when the address is
  /// reserved already: of two who take the same one at once, at least one sees the other then.
  [[nodiscard]] std::optional<std::string> holder_of(const base::IpAddress& address);

 private:
  struct Neighbour {
    std::string network;
    std::string reservations;
    std::map<base::IpAddress, std::string> recorded{};  // where there are no reservations
  };
  void leave_mark(const std::string& reservations) const;
  [[nodiscard]] std::string mark_of(const std::string& network) const;
  [[nodiscard]] bool is_alone() const;
  void find_neighbours();
  void read_records(Neighbour& neighbour) const;
  [[nodiscard]] std::optional<std::string> holder_in(const Neighbour& neighbour,
                                                     const base::IpAddress& address) const;

  std::string state_directory_;
  std::string bridge_;
  std::string directory_;
  std::string network_;
  std::optional<std::vector<Neighbour>> neighbours_;
};

}  // namespace lease
