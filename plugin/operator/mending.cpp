#include "plugin/operator/mending.h"

#include "plugin/attachment/record_store.h"

namespace tool {

void write_key(const attachment::Key& key, Json& json) {
  json.member("network", key.network)
      .member("container", key.container_id)
      .member("interface", key.ifname);
}

bool is_chained(const std::string& kind) {
  return kind != attachment::RecordStore::kInterfaces;
}

std::string describe_kind(const std::string& kind) {
  return is_chained(kind) ? " (" + kind + ")" : "";
}

}  // namespace tool
