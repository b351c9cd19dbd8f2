#include "plugin/operations/reconcile.h"

#include <algorithm>
#include <chrono>

#include "netlink/netns.h"
#include "netlink/socket.h"
#include "plugin/attachment/record_store.h"
#include "plugin/attachment/whereabouts.h"
#include "plugin/cni/error.h"
#include "plugin/operations/chained.h"
#include "plugin/operations/shared/stage.h"
#include "plugin/steps/step.h"
#include "plugin/steps/world.h"

namespace operations {
namespace {

using attachment::Attachment;
using attachment::Key;
using attachment::RecordStore;
using netlink::Namespace;

using Steps = std::vector<const steps::Step*>;

using Time = std::optional<std::chrono::system_clock::time_point>;

/// Records of one kind, and what they are records of.
struct Kind {
  std::string_view name;
  Steps steps;
  bool makes_interface = false;  // else its ends are looked for
};

struct Parts {
  const RecordStore& records;
  const Kind& kind;
  const Namespace& home;
  netlink::Socket& host;
  attachment::Whereabouts& whereabouts;
  bool dry_run;
};

std::vector<Kind> all_kinds() {
  Kind interfaces{.name = RecordStore::kInterfaces, .steps = {}, .makes_interface = true};
  for (const auto& list : {steps::private_steps(), steps::public_steps()})
    interfaces.steps.insert(interfaces.steps.end(), list.begin(), list.end());
  std::vector<Kind> kinds = {std::move(interfaces)};
  for (const Chained* type : chained_types())
    kinds.push_back({.name = type->name, .steps = Steps(type->steps.begin(), type->steps.end())});
  return kinds;
}

/// An attachment whose container is there.
struct Live {
  const Parts& parts;
  const Attachment& attachment;
  const Namespace& container;
  netlink::Socket& socket;

  [[nodiscard]] steps::World world() const {
    return {.host_namespace = parts.home,
            .host = parts.host,
            .container_namespace = &container,
            .container = &socket,
            .records = parts.records};
  }

  void find_others_interface(steps::World& world) const {
    if (!parts.kind.makes_interface) find_recorded_ends(world, attachment);
  }
};

steps::Findings find_amiss(const Live& live) {
  steps::World world = live.world();
  live.find_others_interface(world);
  steps::Findings findings;
  for (const auto* step : live.parts.kind.steps) step->check(world, live.attachment, findings);
  return findings;
}

// A step that fails must not keep the others from what they can.
void restore(const Live& live, Reconciled& result) {
  steps::World world = live.world();
  live.find_others_interface(world);
  for (const auto* step : live.parts.kind.steps) {
    if (step->restore == nullptr) continue;
    try {
      step->restore(world, live.attachment, result.restored);
    } catch (const std::exception& error) {
      result.problems.emplace_back(error.what());
    }
  }
}

void reconcile_live(const Live& live, Reconciled& result, bool dry) {
  steps::Findings amiss = find_amiss(live);
  if (amiss.empty()) return;
  if (!dry) {
    restore(live, result);
    amiss = find_amiss(live);
  }
  result.problems.insert(result.problems.end(), amiss.begin(), amiss.end());
  result.outcome = result.problems.empty() ? Outcome::kRestored : Outcome::kAmiss;
}

void reconcile_recorded(const Parts& parts, const Attachment& attachment, Reconciled& result,
                        bool dry) {
  const auto container = parts.whereabouts.find(attachment);
  if (!container) {
    result.outcome = Outcome::kGone;
    result.problems.push_back("its network namespace is not at " + attachment.netns_path +
                              " any more");
    return;
  }
  netlink::Socket socket = netlink::Socket::in(*container, parts.home);
  reconcile_live({parts, attachment, *container, socket}, result, dry);
}

// Absent where the record went meanwhile.
std::optional<Reconciled> reconcile_found(const Parts& parts, const Key& key, bool dry) {
  const auto attachment = parts.records.find(key);
  if (!attachment) return std::nullopt;
  Reconciled result{.key = key};
  reconcile_recorded(parts, *attachment, result, dry);
  return result;
}

std::optional<Reconciled> lock_and_reconcile(const Parts& parts, const Key& key) {
  const auto opened = parts.records.begin(key);
  if (opened.is_torso) {
    return Reconciled{.key = key,
                      .outcome = Outcome::kBusy,
                      .problems = {"an ADD was killed at work on it; delete the attachment"}};
  }
  try {
    auto result = reconcile_found(parts, key, false);
    parts.records.discard(key, opened.draft);
    return result;
  } catch (...) {
    parts.records.discard(key, opened.draft);
    throw;
  }
}

// An empty draft beside a record is the lock of one that was killed, and says nothing.
void remove_stale_lock(const Parts& parts, const Key& key) {
  if (!parts.records.is_abandoned(key)) return;
  const auto opened = parts.records.begin(key);
  if (!opened.is_torso) parts.records.discard(key, opened.draft);
}

std::optional<Reconciled> reconcile_one(const Parts& parts, const Key& key) {
  try {
    // Only where there is something to do is a draft made: in most cases there is not.
    auto seen = reconcile_found(parts, key, true);
    if (parts.dry_run || !seen) return seen;
    if (seen->outcome == Outcome::kAmiss) return lock_and_reconcile(parts, key);
    remove_stale_lock(parts, key);
    return seen;
  } catch (const cni::Error& error) {
    const bool busy = error.code() == static_cast<unsigned>(cni::Code::kTryAgainLater);
    return Reconciled{
        .key = key, .outcome = busy ? Outcome::kBusy : Outcome::kAmiss, .problems = {error.what()}};
  } catch (const std::exception& error) {
    return Reconciled{.key = key, .outcome = Outcome::kAmiss, .problems = {error.what()}};
  }
}

bool is_meant(const ReconcileOptions& options, const Key& key) {
  return key.network == options.network.value_or(key.network) &&
         key.container_id == options.container_id.value_or(key.container_id) &&
         key.ifname == options.ifname.value_or(key.ifname);
}

struct Due {
  Time made_at;
  std::size_t kind;
  Key key;
  // NOLINTNEXTLINE(modernize-use-nullptr): as in Key
  friend auto operator<=>(const Due&, const Due&) = default;
};

// In the order in which they were made, so that interfaces come before what works on them, and
// rules that are lost are listed as before when they are made again.
std::vector<Due> find_due(const std::vector<RecordStore>& stores, const ReconcileOptions& options) {
  std::vector<Due> due;
  for (std::size_t kind = 0; kind < stores.size(); ++kind) {
    const RecordStore& records = stores[kind];
    for (Key& key : options.network ? records.list(*options.network) : records.list_all()) {
      if (is_meant(options, key)) due.push_back({records.written_at(key), kind, std::move(key)});
    }
  }
  std::sort(due.begin(), due.end());
  return due;
}

}  // namespace

void reconcile(const ReconcileOptions& options,
               const std::function<void(const Reconciled&)>& report) {
  const Namespace home = Namespace::current();
  netlink::Socket host;
  const std::vector<Kind> kinds = all_kinds();
  attachment::Whereabouts whereabouts;
  std::vector<RecordStore> stores;
  stores.reserve(kinds.size());
  for (const Kind& kind : kinds) stores.emplace_back(options.state_directory, kind.name);
  for (const Due& due : find_due(stores, options)) {
    const Kind& kind = kinds[due.kind];
    auto result =
        reconcile_one({stores[due.kind], kind, home, host, whereabouts, options.dry_run}, due.key);
    if (!result) continue;
    result->kind = kind.name;
    report(*result);
  }
}

}  // namespace operations
