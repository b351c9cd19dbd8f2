#include "plugin/attachment/liveness.h"

#include <array>

#include "netlink/link.h"
#include "netlink/nsid.h"

namespace attachment {
namespace {

// A draft that is nobody's may be of another host that shares the directory: it is not ours to
// judge. One that says nothing yet is of an ADD that had done nothing yet.
bool is_torso_of(const Viewpoint& here, const RecordStore& records, const Key& key) {
  if (!records.is_abandoned(key)) return false;
  const auto torso = records.find_draft(key);
  return !torso || torso->seen_from.network == here.network;
}

}  // namespace

Liveness::Liveness(const netlink::Namespace& home, netlink::Socket& host)
    : here_(viewpoint_of(home, host)), home_(home), host_(host) {}

bool Liveness::is_seen_from_here(const Attachment& record) const {
  return record.seen_from == here_ && here_.mounts != 0;
}

bool Liveness::is_gone(const Attachment& record) {
  if (!is_seen_from_here(record)) return false;
  try {
    return !find_container(record) && !has_end(record);
  } catch (const std::exception&) {
    return false;
  }
}

bool Liveness::has_end(const Attachment& record) {
  // The kernel gives no number again by itself, so that what is there is it, whatever it is called.
  const auto end = netlink::find_link(host_, record.wire.host_index);
  if (end && end->kind == "veth") {
    if (netlink::find_peer(host_, *end)) return true;
    // Its other end's namespace is being taken down.
    if (is_host_end(*end, record)) return false;
  }
  return has_end_inside(record) || has_marked_end(record);
}

// For an end that was moved to where nobody marked it: the other one is known by its number, and
// belongs to it by what the kernel says of its peer, or by its MAC, which a pod may have changed.
// The namespace's number may be another one's by now, whose pod has imitated all three.
bool Liveness::has_end_inside(const Attachment& record) {
  const Wire& wire = record.wire;
  if (wire.nsid < 0) return false;
  const auto inside = netlink::find_link_in(host_, wire.nsid, wire.container_index);
  if (!inside || inside->kind != "veth" || !inside->peer_nsid) return false;
  const bool is_alike =
      inside->peer == wire.host_index ||
      (record.pair.container_mac.is_usable() && inside->mac == record.pair.container_mac);
  if (!is_alike || is_elsewhere(*inside)) return is_alike;
  const auto outside = netlink::find_link(host_, inside->peer);
  return outside && outside->alias.empty();
}

bool Liveness::has_marked_end(const Attachment& record) {
  if (!aliases_) look_everywhere();
  return aliases_->contains(alias_of(record.key));
}

// A pod may give any alias, but has nobody else's namespace to put the other end into: its links
// have theirs beside them, or on the host.
bool Liveness::is_elsewhere(const netlink::Link& link) {
  if (!own_nsid_) own_nsid_ = netlink::find_nsid(host_, home_).value_or(-1);
  return link.peer_nsid && link.peer_nsid != own_nsid_;
}

void Liveness::look_everywhere() {
  std::set<std::string> aliases;
  for (const auto& link : netlink::all_links(host_)) {
    if (link.kind == "veth" && is_mark(link.alias)) aliases.insert(link.alias);
  }
  for (const int nsid : netlink::all_nsids(host_)) {
    for (const auto& link : netlink::all_links_in(host_, nsid)) {
      if (link.kind == "veth" && is_mark(link.alias) && is_elsewhere(link))
        aliases.insert(link.alias);
    }
  }
  aliases_ = std::move(aliases);
}

std::optional<std::string> Liveness::find_cause(const RecordStore& records, const Key& key) {
  if (const auto record = records.find(key)) {
    if (!is_gone(*record)) return std::nullopt;
    return "its network namespace " + record->netns_path + " is gone";
  }
  if (is_torso_of(here_, records, key)) return "an ADD was killed at work on it";
  return std::nullopt;
}

bool Liveness::may_hold_ports(const std::string& state_directory, const Key& key) {
  bool is_known = false;
  // Of both kinds of records that can have host ports.
  for (const std::string_view kind : {RecordStore::kInterfaces, RecordStore::kHostPorts}) {
    const RecordStore records(state_directory, kind);
    if (records.is_at_work(key)) return true;
    const auto record = records.find(key);
    const auto cause = find_cause(records, key);
    if (record && record->host_ports && !cause) return true;
    is_known = is_known || cause;
  }
  return !is_known;
}

}  // namespace attachment
