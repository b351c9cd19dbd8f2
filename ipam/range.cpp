#include "ipam/range.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "ipam/error.h"

namespace ipam {
namespace {

using base::IpAddress;
using base::IpPrefix;

void refuse_host_bits(const IpPrefix& subnet) {
  if (!subnet.has_host_bits()) return;
  throw InvalidRange("subnet " + subnet.to_string() + " has host bits set; the subnet is " +
                     subnet.network().to_string());
}

// Whether no address of the subnet is set apart.
bool gives_all(const RangeSpec& spec) {
  const unsigned host_bits = spec.subnet.address().bits() - spec.subnet.length();
  return spec.whole || host_bits <= 1;
}

bool is_broadcast(const IpAddress& address, const RangeSpec& spec) {
  return !gives_all(spec) && address.is_v4() && address == spec.subnet.last();
}

IpAddress choose_first(const RangeSpec& spec) {
  if (!spec.start) return gives_all(spec) ? spec.subnet.address() : spec.subnet.address().next();
  if (!spec.subnet.contains(*spec.start)) {
    throw InvalidRange("rangeStart " + spec.start->to_string() + " lies outside the subnet " +
                       spec.subnet.to_string());
  }
  if (is_broadcast(*spec.start, spec)) {
    throw InvalidRange("rangeStart " + spec.start->to_string() +
                       " is the broadcast address of the subnet " + spec.subnet.to_string());
  }
  return *spec.start;
}

IpAddress choose_last(const RangeSpec& spec) {
  const IpAddress highest = spec.subnet.last();
  if (!spec.end) return is_broadcast(highest, spec) ? highest.previous() : highest;
  if (!spec.subnet.contains(*spec.end)) {
    throw InvalidRange("rangeEnd " + spec.end->to_string() + " lies outside the subnet " +
                       spec.subnet.to_string());
  }
  return *spec.end;
}

// A subnet of one address has room for no gateway, and who is routed to has another one.
std::optional<IpAddress> choose_gateway(const RangeSpec& spec) {
  if (!spec.gateway && (spec.whole || spec.subnet.is_host())) return std::nullopt;
  if (!spec.gateway) return spec.subnet.address().next();
  if (spec.gateway->family() != spec.subnet.family()) {
    throw InvalidRange("gateway " + spec.gateway->to_string() + " is not of the family of subnet " +
                       spec.subnet.to_string());
  }
  return *spec.gateway;
}

std::optional<IpAddress> choose_begin(const RangeSpec& spec) {
  if (!spec.whole || spec.start) return std::nullopt;
  const IpAddress usual = spec.subnet.address().next();
  return spec.subnet.contains(usual) ? std::optional(usual) : std::nullopt;
}

Range fill_in(const RangeSpec& spec) {
  refuse_host_bits(spec.subnet);
  Range range{.subnet = spec.subnet,
              .first = choose_first(spec),
              .last = choose_last(spec),
              .gateway = choose_gateway(spec),
              .begin_behind = choose_begin(spec),
              .place = spec.place};
  if (range.begin_behind && !range.contains(*range.begin_behind)) range.begin_behind.reset();
  if (range.first <= range.last) return range;
  throw InvalidRange("rangeStart " + range.first.to_string() + " lies behind rangeEnd " +
                     range.last.to_string());
}

RangeSet make_range_set(const std::vector<RangeSpec>& specs) {
  if (specs.empty()) throw InvalidRange("a set of ranges is empty");
  RangeSet set;
  for (const RangeSpec& spec : specs) {
    set.push_back(make_range(spec));
    if (set.back().subnet.family() != set.front().subnet.family()) {
      throw InvalidRange("subnets " + set.front().subnet.to_string() + " and " +
                         set.back().subnet.to_string() +
                         " of one set are of different families; give each family its own set");
    }
  }
  return set;
}

std::string describe(const Range& range) {
  return range.to_string() + (range.place.empty() ? "" : " (" + range.place + ")");
}

/// A range and where it stands among all.
struct Placed {
  const Range* range;
  std::size_t place;
};

// In the order of their first addresses, each range only has to be compared with the next one: what
// overlaps a range further on overlaps the next one, too. A configuration may have many thousands.
void refuse_overlaps(const std::vector<RangeSet>& sets) {
  std::vector<Placed> all;
  for (const RangeSet& set : sets) {
    for (const Range& range : set) all.push_back({&range, all.size()});
  }
  std::sort(all.begin(), all.end(), [](const Placed& a, const Placed& b) {
    return std::tie(a.range->first, a.place) < std::tie(b.range->first, b.place);
  });
  const auto found = std::adjacent_find(
      all.begin(), all.end(),
      [](const Placed& a, const Placed& b) { return b.range->first <= a.range->last; });
  if (found == all.end()) return;
  const auto [former, latter] = std::minmax(
      found[0], found[1], [](const Placed& a, const Placed& b) { return a.place < b.place; });
  throw InvalidRange("ranges " + describe(*former.range) + " and " + describe(*latter.range) +
                     " overlap");
}

std::uint64_t add_saturating(std::uint64_t a, std::uint64_t b) {
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  return a > kMax - b ? kMax : a + b;
}

}  // namespace

bool Range::contains(const IpAddress& address) const noexcept {
  return first <= address && address <= last;
}

std::string Range::to_string() const {
  return first.to_string() + "-" + last.to_string();
}

Range make_range(const RangeSpec& spec) {
  try {
    return fill_in(spec);
  } catch (const InvalidRange& error) {
    throw InvalidRange(error.what(), spec.place);
  }
}

std::vector<RangeSet> make_range_sets(const std::vector<std::vector<RangeSpec>>& specs) {
  std::vector<RangeSet> sets;
  sets.reserve(specs.size());
  for (const auto& set : specs) sets.push_back(make_range_set(set));
  refuse_overlaps(sets);
  return sets;
}

std::uint64_t capacity(const RangeSet& set) {
  std::uint64_t count = 0;
  for (const Range& range : set) {
    count = add_saturating(count, range.first.distance_to(range.last));
    if (!range.gateway || !range.contains(*range.gateway)) count = add_saturating(count, 1);
  }
  return count;
}

}  // namespace ipam
