#pragma once

#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include "ipam/addresses.h"
#include "ipam/store.h"

namespace test {

/// Reservations that are nowhere, and fail when they are told to.
class MemoryStore final : public ipam::Store {
 public:
  bool reserve(const base::IpAddress& address, const ipam::Owner& owner) override {
    if (address == broken) throw std::runtime_error("disk full");
    return reserved.emplace(address, owner).second;
  }
  bool release(const base::IpAddress& address, const ipam::Owner& owner) override {
    const auto found = reserved.find(address);
    if (found == reserved.end() || found->second != owner) return false;
    reserved.erase(found);
    return true;
  }
  std::vector<base::IpAddress> held_by(const ipam::Owner& owner) override {
    std::vector<base::IpAddress> addresses;
    for (const auto& [address, holder] : reserved) {
      if (holder == owner) addresses.push_back(address);
    }
    return addresses;
  }
  std::vector<ipam::Owner> owners() override {
    std::set<ipam::Owner> all;
    for (const auto& [address, holder] : reserved) all.insert(holder);
    return {all.begin(), all.end()};
  }
  std::optional<ipam::Owner> holder_of(const base::IpAddress& address) override {
    const auto found = reserved.find(address);
    return found == reserved.end() ? std::nullopt : std::optional(found->second);
  }
  std::optional<base::IpAddress> next_free(const ipam::Range& in,
                                           const base::IpAddress& from) override {
    for (base::IpAddress address = from;; address = address.next()) {
      if (!reserved.contains(address) && !hidden.contains(address)) return address;
      if (address == in.last) return std::nullopt;
    }
  }
  bool look_again() override {
    ++looks;
    return !std::exchange(hidden, {}).empty();
  }
  std::optional<base::IpAddress> last_reserved(std::size_t set) override {
    const auto found = last.find(set);
    return found == last.end() ? std::nullopt : std::optional(found->second);
  }
  void set_last_reserved(std::size_t set, const std::optional<base::IpAddress>& address) override {
    if (set == broken_set) throw std::runtime_error("disk full");
    if (address) {
      last[set] = *address;
    } else {
      last.erase(set);
    }
  }

  void take(std::initializer_list<const char*> addresses) {
    for (const char* address : addresses) reserved[ip(address)] = {"other", "eth0"};
  }

  std::map<base::IpAddress, ipam::Owner> reserved;
  std::map<base::IpAddress, ipam::Owner> hidden;  // free, but next_free does not know
  std::map<std::size_t, base::IpAddress> last;
  std::optional<base::IpAddress> broken;
  std::optional<std::size_t> broken_set;
  int looks = 0;
};

}  // namespace test
