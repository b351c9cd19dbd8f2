#include "plugin/attachment/liveness.h"

#include <array>
#include <chrono>

#include "base/error.h"
#include "base/file.h"
#include "plugin/attachment/record_store.h"

namespace attachment {
namespace {

// The draft first: an ADD that ends in between has a record by then.
bool is_at_work(const RecordStore& records, const Key& key) {
  try {
    (void)records.take_over(key, std::chrono::milliseconds(0));
    return false;
  } catch (const base::LockTimeout&) {
    return true;
  }
}

bool has_live_record(const RecordStore& records, const Key& key) {
  const auto record = records.find(key);
  if (!record || !record->host_ports) return false;
  return find_container(*record).has_value();
}

}  // namespace

bool holds_ports(const std::string& state_directory, const Key& key) {
  // Of both kinds of records that can have host ports.
  for (const std::string_view kind : {RecordStore::kInterfaces, RecordStore::kHostPorts}) {
    const RecordStore records(state_directory, kind);
    if (is_at_work(records, key) || has_live_record(records, key)) return true;
  }
  return false;
}

}  // namespace attachment
