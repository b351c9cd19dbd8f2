#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "base/ip_prefix.h"
#include "ipam/range.h"
#include "ipam/store.h"

namespace ipam {

struct Request {
  Owner owner;
  std::vector<RangeSet> sets;
  /// Particular addresses; each must lie in one of the sets, at most one in each set.
  std::vector<base::IpAddress> requested;
  /// Who has an address that is free here from elsewhere, where that matters. Asked when it is
  /// reserved, which is undone then. May be empty.
  std::function<std::optional<std::string>(const base::IpAddress&)> holder_elsewhere{};
  /// One address altogether, from the first set that has one.
  bool from_any_set = false;
};

struct Allocation {
  base::IpPrefix address;                   // with the length of its subnet
  std::optional<base::IpAddress> gateway;   // of its range
  std::size_t set = 0;                      // which set it is from
  std::optional<base::IpAddress> previous;  // where the round robin stood before
};

/// One address from each set, in their order, or one altogether: all of them, or none and an
/// exception (Conflict, Exhausted). Addresses that the owner held before the call are left alone,
/// whatever happens. A gateway is never handed out. Round robin: the search begins behind the set's
/// last reservation.
[[nodiscard]] std::vector<Allocation> allocate(Store& store, const Request& request);

/// Throws Exhausted where some set has no address left to give. Reserves nothing.
void require_free(Store& store, const std::vector<RangeSet>& sets);
/// Whether some set has one.
[[nodiscard]] bool any_free(Store& store, const std::vector<RangeSet>& sets);

/// Takes an allocation of this owner back and sets the round robin to where it was before, if
/// nobody has allocated since.
void undo(Store& store, const Owner& owner, const std::vector<Allocation>& allocations);

/// Releases everything the owner holds and returns it. Nothing held is no error.
std::vector<base::IpAddress> release(Store& store, const Owner& owner);

}  // namespace ipam
