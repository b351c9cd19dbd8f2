#include "plugin/operations/gc_unlisted.h"

#include <set>

#include "plugin/attachment/liveness.h"
#include "plugin/attachment/record_store.h"
#include "plugin/cni/error.h"
#include "plugin/config/network.h"
#include "plugin/operations/chained.h"
#include "plugin/operations/shared/forget_network.h"
#include "plugin/operations/shared/recorded.h"
#include "plugin/operations/shared/tear_down.h"
#include "plugin/operations/shared/valid_attachments.h"
#include "plugin/steps/world.h"

namespace operations {
namespace {

using attachment::Attachment;
using attachment::Key;
using attachment::RecordStore;

/// Records of one kind.
struct Parts {
  const Settings& settings;
  const netlink::Namespace& home;
  netlink::Socket& host;
  attachment::Liveness& liveness;
  const RecordStore& records;
  const Chained* type;  // null for the types that make an interface
};

// A delegate must be told with the network's configuration, which only the runtime has.
void refuse_delegate(const RecordStore& records, const Key& key) {
  const auto record = records.find(key);
  if (!record || !record->reservation) return;
  const std::string& type = record->reservation->type;
  if (config::is_host_local(type) || config::is_static(type)) return;
  throw cni::Error(cni::Code::kIncomplete,
                   "its addresses are ipam plugin " + type + "'s, which only a DEL can tell");
}

// As if the runtime had called DEL, with names alone.
cni::Request request_of(const Key& key) {
  const cni::Request request = cni::read_request(
      cni::Environment({{"CNI_COMMAND", "GC"}, {"CNI_PATH", "/"}}),
      R"({"cniVersion":"1.1.0","type":"patchcord","name":")" + key.network + "\"}");
  return as_del(request, key);
}

void tear_down_dead(const Parts& parts, const cni::Request& request,
                    const std::optional<Attachment>& known) {
  steps::World world{.host_namespace = parts.home, .host = parts.host, .records = parts.records};
  if (parts.type == nullptr) {
    tear_down(world, request, known, parts.settings.state_directory, Unrecorded::kOfContainer);
  } else {
    tear_down_chained(*parts.type, world, request, known);
  }
}

void remove_dead(const Parts& parts, Dead& dead) {
  try {
    refuse_delegate(parts.records, dead.key);
    const cni::Request request = request_of(dead.key);
    // By now an ADD may have made it anew.
    const auto is_due = [&] {
      const auto record = parts.records.find(dead.key);
      dead.removed = !record || parts.liveness.is_gone(*record);
      return dead.removed;
    };
    remove_recorded_if({.records = parts.records,
                        .key = dead.key,
                        .tear_down =
                            [&](const std::optional<Attachment>& known) {
                              tear_down_dead(parts, request, known);
                            }},
                       parts.settings, is_due);
  } catch (const std::exception& error) {
    dead.removed = false;
    dead.problem = error.what();
  }
}

void collect_kind(const Parts& parts, const DeadOptions& options,
                  const std::function<void(const Dead&)>& report) {
  const RecordStore& records = parts.records;
  std::set<std::string> networks;
  for (const Key& key :
       options.network.empty() ? records.list_all() : records.list(options.network)) {
    const auto cause = parts.liveness.find_cause(records, key);
    if (!cause) continue;
    Dead dead{
        .key = key,
        .reason = *cause,
        .kind = std::string(parts.type == nullptr ? RecordStore::kInterfaces : parts.type->name)};
    if (!options.dry_run) remove_dead(parts, dead);
    if (dead.removed && parts.type == nullptr) networks.insert(key.network);
    report(dead);
  }
  for (const auto& network : networks) forget_network(records, network, parts.settings);
}

}  // namespace

// The interfaces last: without their records there is less to tell by who is gone.
void collect_dead(const DeadOptions& options, const Settings& settings,
                  const std::function<void(const Dead&)>& report) {
  const netlink::Namespace home = netlink::Namespace::current();
  netlink::Socket host;
  attachment::Liveness liveness(home, host);
  for (const Chained* type : chained_types()) {
    const RecordStore records(settings.state_directory, type->name);
    collect_kind({settings, home, host, liveness, records, type}, options, report);
  }
  const RecordStore interfaces(settings.state_directory);
  collect_kind({settings, home, host, liveness, interfaces, nullptr}, options, report);
}

}  // namespace operations
