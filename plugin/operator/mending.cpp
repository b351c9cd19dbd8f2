#include "plugin/operator/mending.h"

#include "plugin/attachment/record_store.h"

namespace tool {

namespace {

Sighting recall(const attachment::RecordStore& records, const attachment::Key& key) {
  Sighting sighting;
  auto record = records.find(key);
  if (!record) record = records.find_draft(key);
  if (record) sighting.attachment = std::move(*record);
  sighting.attachment.key = key;
  return sighting;
}

std::string name_of(const Sighting& sighting) {
  const auto& key = sighting.attachment.key;
  return key.network + "/" + title_of(sighting) + "/" + key.ifname;
}

}  // namespace

std::string name_of(const attachment::RecordStore& records, const attachment::Key& key) {
  return name_of(recall(records, key));
}

Titles::Titles(const std::string& state_directory) {
  const attachment::RecordStore records(state_directory);
  for (const auto& key : records.list_all()) known_.emplace(key, recall(records, key));
}

std::string Titles::of(const attachment::Key& key) const {
  const auto at = known_.find(key);
  return at == known_.end() ? attachment::to_string(key) : name_of(at->second);
}

void Titles::write(const attachment::Key& key, Json& json) const {
  json.member("network", key.network)
      .member("container", key.container_id)
      .member("interface", key.ifname);
  const auto at = known_.find(key);
  if (at == known_.end() || !at->second.attachment.pod) return;
  const auto& [space, name] = *at->second.attachment.pod;
  json.key("pod").begin_object().member("namespace", space).member("name", name).end_object();
}

bool is_chained(const std::string& kind) {
  return kind != attachment::RecordStore::kInterfaces;
}

std::string describe_kind(const std::string& kind) {
  return is_chained(kind) ? " (" + kind + ")" : "";
}

}  // namespace tool
