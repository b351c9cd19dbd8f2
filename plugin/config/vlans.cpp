// The keys vlan, vlanTrunk and preserveDefaultVlan of a bridge.
#include <algorithm>

#include "plugin/config/keys.h"

namespace config {
namespace {

constexpr std::int64_t kLastVlan = 4094;

std::optional<std::uint16_t> read_id(const cni::Object& entry, std::string_view key) {
  const auto id = entry.integer(key, 1, kLastVlan);
  return id ? std::optional(static_cast<std::uint16_t>(*id)) : std::nullopt;
}

// An entry may have both forms, {"id"} and {"minID", "maxID"}.
void read_entry(const cni::Object& entry, std::vector<VlanRange>& ranges) {
  const auto id = read_id(entry, "id");
  const auto first = read_id(entry, "minID");
  const auto last = read_id(entry, "maxID");
  if (first && !last) entry.reject("maxID", "is missing beside minID");
  if (last && !first) entry.reject("minID", "is missing beside maxID");
  if (first && *first > *last) entry.reject("minID", "is greater than maxID");
  if (!id && !first) entry.reject("id", "is missing, and so are minID and maxID");
  if (id) ranges.push_back({*id, *id});
  if (first) ranges.push_back({*first, *last});
}

std::vector<VlanRange> merge(std::vector<VlanRange> ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const VlanRange& a, const VlanRange& b) { return a.first < b.first; });
  std::vector<VlanRange> merged;
  for (const VlanRange& range : ranges) {
    if (!merged.empty() && range.first <= merged.back().last + 1) {
      merged.back().last = std::max(merged.back().last, range.last);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

}  // namespace

std::optional<Vlans> read_vlans(const cni::Object& root) {
  const auto vlan = root.integer("vlan", 0, kLastVlan).value_or(0);
  std::vector<VlanRange> trunk;
  for (const cni::Object& entry : root.objects("vlanTrunk")) read_entry(entry, trunk);
  Vlans vlans{.native = static_cast<std::uint16_t>(vlan),
              .trunk = merge(std::move(trunk)),
              .keep_default = root.boolean("preserveDefaultVlan").value_or(false)};
  if (vlan == 0 && !root.has("vlanTrunk")) return std::nullopt;
  // Of a trunk without a native VLAN the reference makes VLAN 1 the native one.
  if (vlan == 0 && !vlans.trunk.empty()) vlans.native = 1;
  return vlans;
}

}  // namespace config
