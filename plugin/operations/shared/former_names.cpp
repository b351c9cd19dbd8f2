#include "plugin/operations/shared/former_names.h"

#include <algorithm>
#include <map>

#include "plugin/cni/error.h"
#include "plugin/config/network.h"
#include "plugin/operations/shared/plan.h"

namespace operations {
namespace {

using attachment::Attachment;
using attachment::Key;
using attachment::RecordStore;

bool gives(const config::HostLocal& ipam, const base::IpAddress& address) {
  return std::any_of(ipam.sets.begin(), ipam.sets.end(), [&](const ipam::RangeSet& set) {
    return std::any_of(set.begin(), set.end(),
                       [&](const ipam::Range& range) { return range.contains(address); });
  });
}

std::optional<config::HostLocal> ranges_of(const cni::Request& request) {
  try {
    const bool is_routed = request.config().text("mode") == "routed";
    return config::parse_ipam(request, is_routed ? config::Mode::kRouted : config::Mode::kBridge)
        .host_local;
  } catch (const cni::Error&) {
    return std::nullopt;  // DEL must work whatever the configuration has become
  }
}

}  // namespace

bool may_be_of(const cni::Request& request, const Attachment& record) {
  if (!record.reservation) {
    return record.bridge_port && record.bridge_port->bridge == config::find_bridge_name(request);
  }
  const auto ranges = ranges_of(request);
  return ranges && std::any_of(record.addresses.begin(), record.addresses.end(),
                               [&](const attachment::Address& address) {
                                 return gives(*ranges, address.prefix.address());
                               });
}

namespace {

// Networks that share a pool are not former names of each other; but a container and its interface
// is on one of them.
bool shares_pool(const cni::Request& request, const Attachment& record) {
  const auto configured = config::find_ipam_place(request).pools;
  return record.reservation &&
         std::any_of(configured.begin(), configured.end(), [&](const auto& pool) {
           const auto& recorded = record.reservation->pools;
           return std::find(recorded.begin(), recorded.end(), pool.directory) != recorded.end();
         });
}

}  // namespace

std::vector<Key> find_under_former_names(const RecordStore& records, const cni::Request& request) {
  const Key own = key_of(request);
  if (records.exists(own) || records.is_at_work(own) || records.is_abandoned(own)) return {};
  std::vector<Key> keys;
  for (const auto& record : records.find_in_other_networks(own)) {
    if (may_be_of(request, record) || shares_pool(request, record)) keys.push_back(record.key);
  }
  return keys;
}

std::map<std::string, std::size_t> count_former_names(const RecordStore& records,
                                                      const cni::Request& request) {
  std::map<std::string, std::size_t> counts;
  std::map<std::string, bool> fits;  // one record speaks for all of a network
  for (const Key& key : records.list_all()) {
    if (key.network == request.network) continue;
    if (!fits.contains(key.network)) {
      const auto record = records.find(key);
      if (!record) continue;
      fits[key.network] = may_be_of(request, *record);
    }
    if (fits[key.network]) ++counts[key.network];
  }
  return counts;
}

}  // namespace operations
