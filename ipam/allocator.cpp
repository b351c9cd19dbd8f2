// Which address comes next: round robin through the ranges, from where the last one was found.
#include "ipam/allocator.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "ipam/error.h"

namespace ipam {
namespace {

using base::IpAddress;
using base::IpPrefix;

// A stretch of one range, both ends included.
struct Stretch {
  const Range* range;
  IpAddress first;
  IpAddress last;
};

const Range* find_range(const RangeSet& set, const IpAddress& address) {
  const auto found = std::find_if(set.begin(), set.end(),
                                  [&](const Range& range) { return range.contains(address); });
  return found == set.end() ? nullptr : &*found;
}

std::string describe(const RangeSet& set) {
  std::string text;
  for (const Range& range : set) text += (text.empty() ? "" : ", ") + range.to_string();
  return text;
}

std::string describe(const std::vector<RangeSet>& sets) {
  std::string text;
  for (const RangeSet& set : sets) text += (text.empty() ? "" : ", ") + describe(set);
  return text;
}

std::string describe(const Owner& owner) {
  if (owner.container_id.empty()) return "an unfinished reservation without an owner";
  std::string text = "container " + owner.container_id;
  if (!owner.interface.empty()) text += ", interface " + owner.interface;
  if (!owner.network.empty()) text += ", network " + owner.network;
  return text;
}

std::string name_set(std::size_t number, const RangeSet& set) {
  return "set " + std::to_string(number) + " (" + describe(set) + ")";
}

// What is asked for in each set, after the checks that need no store.
std::vector<std::optional<IpAddress>> sort_requested(const Request& request) {
  std::vector<std::optional<IpAddress>> by_set(request.sets.size());
  for (const IpAddress& address : request.requested) {
    const auto set = std::find_if(request.sets.begin(), request.sets.end(),
                                  [&](const auto& s) { return find_range(s, address) != nullptr; });
    if (set == request.sets.end()) {
      throw Conflict("requested IP address " + address.to_string() +
                     " lies in none of the ranges: " + describe(request.sets));
    }
    const auto number = static_cast<std::size_t>(set - request.sets.begin());
    if (find_range(*set, address)->gateway == address) {
      throw Conflict("requested IP address " + address.to_string() + " is the gateway of " +
                     name_set(number, *set));
    }
    auto& wanted = by_set[number];
    if (wanted && *wanted != address) {
      throw Conflict("requested IP addresses " + wanted->to_string() + " and " +
                     address.to_string() + " both lie in " + name_set(number, *set) +
                     ", which gives one");
    }
    wanted = address;
  }
  return by_set;
}

using Requested = std::vector<std::optional<IpAddress>>;

void refuse_second_request(const Requested& requested) {
  const auto is_given = [](const auto& address) { return address.has_value(); };
  const auto first = std::find_if(requested.begin(), requested.end(), is_given);
  if (first == requested.end()) return;
  const auto second = std::find_if(first + 1, requested.end(), is_given);
  if (second == requested.end()) return;
  throw Conflict("requested IP addresses " + (*first)->to_string() + " and " +
                 (*second)->to_string() + " are of one pool, which gives one");
}

void refuse_second_address(Store& store, const Request& request) {
  for (const IpAddress& address : store.held_by(request.owner)) {
    for (std::size_t number = 0; number < request.sets.size(); ++number) {
      if (find_range(request.sets[number], address) == nullptr) continue;
      throw Conflict(describe(request.owner) + " already holds " + address.to_string() + " of " +
                     name_set(number, request.sets[number]) +
                     "; a duplicate allocation is not allowed");
    }
  }
}

// The set in the order of the search: from behind `last` once around, so that `last` itself comes
// last. A released address thus rests as long as possible before it is given out again.
std::vector<Stretch> plan_search(const RangeSet& set, const std::optional<IpAddress>& last) {
  const Range* start = last ? find_range(set, *last) : nullptr;
  std::vector<Stretch> stretches;
  if (start != nullptr && *last != start->last) {
    stretches.push_back({start, last->next(), start->last});
  }
  const auto count = set.size();
  const auto begin = start != nullptr ? static_cast<std::size_t>(start - set.data()) + 1 : 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Range& range = set[(begin + i) % count];
    stretches.push_back({&range, range.first, &range == start ? *last : range.last});
  }
  return stretches;
}

// Returns who has it elsewhere; it is not reserved then.
std::optional<std::string> give_back_if_elsewhere(Store& store, const Request& request,
                                                  const IpAddress& address) {
  if (!request.holder_elsewhere) return std::nullopt;
  auto holder = request.holder_elsewhere(address);
  if (holder) store.release(address, request.owner);
  return holder;
}

bool reserve(Store& store, const Request& request, const IpAddress& address) {
  return store.reserve(address, request.owner) && !give_back_if_elsewhere(store, request, address);
}

std::optional<IpAddress> reserve_in(Store& store, const Request& request, const Stretch& stretch) {
  IpAddress from = stretch.first;
  for (;;) {
    const auto candidate = store.next_free(*stretch.range, from);
    if (!candidate || stretch.last < *candidate) return std::nullopt;
    if (*candidate != stretch.range->gateway && reserve(store, request, *candidate))
      return candidate;
    if (*candidate == stretch.last) return std::nullopt;
    from = candidate->next();
  }
}

std::optional<IpAddress> search(Store& store, const Request& request, const RangeSet& set,
                                const std::optional<IpAddress>& last) {
  for (const Stretch& stretch : plan_search(set, last)) {
    if (const auto address = reserve_in(store, request, stretch)) return address;
  }
  return std::nullopt;
}

[[noreturn]] void throw_exhausted(std::size_t number, const RangeSet& set) {
  const auto count = capacity(set);
  throw Exhausted("no IP addresses available in range " + name_set(number, set) +
                  (count == 0 ? ": it has none but the gateway"
                              : ": all " + std::to_string(count) + " are reserved"));
}

bool has_free(Store& store, const Range& range) {
  const auto first = store.next_free(range, range.first);
  if (!first || *first != range.gateway) return first.has_value();
  return *first != range.last && store.next_free(range, first->next()).has_value();
}

bool has_free(Store& store, const RangeSet& set) {
  return std::any_of(set.begin(), set.end(),
                     [&](const Range& range) { return has_free(store, range); });
}

IpAddress reserve_requested(Store& store, const Request& request, const IpAddress& address) {
  const std::string problem =
      "requested IP address " + address.to_string() + " is not available: it is taken by ";
  if (!store.reserve(address, request.owner))
    throw Conflict(problem + describe(store.holder_of(address).value_or(Owner{})));
  if (const auto holder = give_back_if_elsewhere(store, request, address))
    throw Conflict(problem + *holder);
  return address;
}

// Undoes what was reserved unless the whole request is served.
class Reservations {
 public:
  Reservations(Store& store, const Request& request) : store_(store), request_(request) {
    // Later growth could fail, and lose sight of an address.
    made_.reserve(request.sets.size());
  }
  Reservations(const Reservations&) = delete;
  Reservations& operator=(const Reservations&) = delete;
  ~Reservations() {
    try {
      undo(store_, request_.owner, made_);
    } catch (const std::exception&) {
      // The failure that brought us here is the one to tell. What stays behind is still recorded as
      // the owner's, and goes with its DEL.
      return;
    }
  }

  void add(std::size_t number, const std::optional<IpAddress>& requested) {
    const auto last = store_.last_reserved(number);
    note(number, last,
         requested ? reserve_requested(store_, request_, *requested)
                   : reserve_any(number, request_.sets[number], last));
  }

  void add_from_any(const Requested& requested) {
    for (std::size_t number = 0; number < requested.size(); ++number) {
      if (requested[number]) return add(number, requested[number]);
    }
    if (find_in_any() || (store_.look_again() && find_in_any())) return;
    throw Exhausted("all addresses of " + describe(request_.sets) + " are reserved");
  }

  // Only when every set has given an address, so that a request that fails moves no round robin.
  void move_round_robin() {
    for (const Allocation& allocation : made_) {
      store_.set_last_reserved(allocation.set, allocation.address.address());
    }
  }

  [[nodiscard]] std::vector<Allocation> keep() noexcept { return std::exchange(made_, {}); }

 private:
  void note(std::size_t number, const std::optional<IpAddress>& last, const IpAddress& address) {
    const Range& range = *find_range(request_.sets[number], address);
    made_.push_back({.address = IpPrefix(address, range.subnet.length()),
                     .gateway = range.gateway,
                     .set = number,
                     .previous = last});
  }

  // A set's number may have been another one's before, when sets have come and gone.
  bool find_in_any() {
    for (std::size_t number = 0; number < request_.sets.size(); ++number) {
      const RangeSet& set = request_.sets[number];
      if (!has_free(store_, set)) continue;
      const auto last = store_.last_reserved(number);
      const auto address =
          search(store_, request_, set,
                 last && find_range(set, *last) != nullptr ? last : set.front().begin_behind);
      if (!address) continue;
      note(number, last, *address);
      return true;
    }
    return false;
  }

  IpAddress reserve_any(std::size_t number, const RangeSet& set,
                        const std::optional<IpAddress>& last) {
    const auto behind = last ? last : set.front().begin_behind;
    auto found = search(store_, request_, set, behind);
    if (!found && store_.look_again()) found = search(store_, request_, set, behind);
    if (!found) throw_exhausted(number, set);
    return *found;
  }

  Store& store_;
  const Request& request_;
  std::vector<Allocation> made_;
};

void undo_one(Store& store, const Owner& owner, const Allocation& allocation) {
  const IpAddress& address = allocation.address.address();
  store.release(address, owner);
  if (store.last_reserved(allocation.set) != address) return;
  if (allocation.previous != address) store.set_last_reserved(allocation.set, allocation.previous);
}

}  // namespace

std::vector<Allocation> allocate(Store& store, const Request& request) {
  const auto requested = sort_requested(request);
  refuse_second_address(store, request);
  Reservations reservations(store, request);
  if (request.from_any_set) {
    refuse_second_request(requested);
    reservations.add_from_any(requested);
  } else {
    for (std::size_t number = 0; number < request.sets.size(); ++number)
      reservations.add(number, requested[number]);
  }
  reservations.move_round_robin();
  return reservations.keep();
}

void require_free(Store& store, const std::vector<RangeSet>& sets) {
  for (std::size_t number = 0; number < sets.size(); ++number) {
    const RangeSet& set = sets[number];
    if (has_free(store, set)) continue;
    if (!store.look_again() || !has_free(store, set)) throw_exhausted(number, set);
  }
}

bool any_free(Store& store, const std::vector<RangeSet>& sets) {
  const auto any = [&] {
    return std::any_of(sets.begin(), sets.end(),
                       [&](const RangeSet& set) { return has_free(store, set); });
  };
  return any() || (store.look_again() && any());
}

void undo(Store& store, const Owner& owner, const std::vector<Allocation>& allocations) {
  std::exception_ptr failure;
  for (const Allocation& allocation : allocations) {
    try {
      undo_one(store, owner, allocation);
    } catch (const std::exception&) {
      // The others can still be taken back.
      failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

std::vector<IpAddress> release(Store& store, const Owner& owner) {
  std::vector<IpAddress> released;
  for (const IpAddress& address : store.held_by(owner)) {
    if (store.release(address, owner)) released.push_back(address);
  }
  return released;
}

}  // namespace ipam
