#include "plugin/operations/chained.h"

#include <algorithm>

#include "base/file.h"
#include "netlink/address.h"
#include "plugin/cni/error.h"
#include "plugin/operations/shared/attempts.h"
#include "plugin/operations/shared/findings.h"
#include "plugin/operations/shared/plan.h"
#include "plugin/operations/shared/predecessor.h"
#include "plugin/operations/shared/recorded.h"
#include "plugin/operations/shared/stage.h"
#include "plugin/operations/shared/tear_down.h"
#include "plugin/operations/shared/valid_attachments.h"
#include "plugin/operations/status.h"
#include "plugin/steps/world.h"

namespace operations {
namespace {

using attachment::Attachment;
using attachment::Key;
using attachment::RecordStore;

RecordStore open_records(const Chained& type, const Settings& settings) {
  return RecordStore(settings.state_directory, type.name);
}

Attachment begin_plan(const cni::Request& request, const Stage& stage) {
  Attachment plan;
  plan.key = key_of(request);
  plan.netns_path = request.netns;
  plan.netns = stage.container_identity();
  plan.seen_from = stage.viewpoint();
  return plan;
}

// By it the host end is known again, and the container to be alive.
void note_wire(const steps::World& world, Attachment& plan) {
  if (!world.host_end) return;
  plan.wire = attachment::wire_of(*world.host_end);
  plan.wire.host_mac = world.host_end->mac.value_or(base::MacAddress());
}

void remove_stale(const Chained& type, const cni::Request& request, const Settings& settings,
                  const Key& key) {
  Stage stage(open_records(type, settings));
  const cni::Request del = as_del(request, key);
  collect_recorded({.records = stage.records,
                    .key = key,
                    .tear_down =
                        [&](const std::optional<Attachment>& known) {
                          tear_down_chained(type, stage.world, del, known);
                        }},
                   settings);
}

bool is_ours(const steps::World& world) {
  return world.host_end && attachment::is_mark(world.host_end->alias);
}

// Of the attachment, and of the host: what other interfaces of the container are there for, others
// know.
void check_listed(const cni::Result& previous, const steps::World& world,
                  const Attachment& attachment, steps::Findings& findings) {
  for (const auto& interface : previous.interfaces) {
    if (interface.sandbox.empty() && !netlink::find_link(world.host, interface.name))
      findings.push_back("host interface " + interface.name + " is missing");
  }
  const std::string where = "container interface " + attachment.key.ifname;
  if (!world.container_end) {
    findings.push_back(where + " is missing");
    return;
  }
  const auto seen = netlink::addresses_of(*world.container, *world.container_end);
  for (const auto& ip : previous.ips) {
    if (!cni::is_of_container(previous, ip, attachment.key.ifname)) continue;
    const bool is_there = std::any_of(seen.begin(), seen.end(), [&](const auto& address) {
      return address.prefix.address() == ip.address.address();
    });
    if (!is_there)
      findings.push_back("address " + ip.address.to_string() + " on " + where + " is missing");
  }
}

}  // namespace

void tear_down_chained(const Chained& type, steps::World& world, const cni::Request& request,
                       const std::optional<Attachment>& known) {
  Attachment attachment = known.value_or(Attachment{});
  attachment.key = key_of(request);
  Attempts attempts;
  if (!known && type.find_traces != nullptr) world.traces = type.find_traces(request);
  remove_steps(type.steps, world, attachment, attempts);
  if (!known) remove_of_predecessor(type.name, world, request, attempts);
  attempts.throw_if_any();
}

cni::Result require_previous_result(const cni::Request& request) {
  if (auto previous = request.previous_result()) return std::move(*previous);
  throw cni::Error(cni::Code::kInvalidConfig,
                   "prevResult: is missing; this plugin works on an interface that another one "
                   "before it in the list of plugins has made");
}

void add_chained(const Chained& type, const cni::Request& request, const Settings& settings,
                 const Plan& plan) {
  cni::Result result = require_previous_result(request);
  Stage stage(open_records(type, settings), request);
  const Key key = key_of(request);
  const auto make = [&](attachment::Draft& draft, base::Rollback& undo) {
    Attachment attachment = begin_plan(request, stage);
    find_ends(stage.world, key.ifname);
    plan(result, stage.world, attachment);
    note_wire(stage.world, attachment);
    draft.write(attachment);
    for (const steps::Step* step : type.steps) step->apply(stage.world, attachment, undo);
    if (stage.world.amended) draft.write(attachment);
    if (type.describe != nullptr) type.describe(stage.world, attachment, result);
    return cni::to_document(result, request.version);
  };
  const auto tear_down_known = [&](const std::optional<Attachment>& known) {
    tear_down_chained(type, stage.world, request, known);
  };
  const auto is_live = [&](const Attachment& existing) {
    return is_current(existing, stage.container_identity());
  };
  add_recorded({.records = stage.records, .key = key, .tear_down = tear_down_known}, settings,
               {.is_live = is_live, .make = make});
}

void pass_on(const cni::Request& request, const Settings& settings) {
  settings.deliver(cni::to_document(require_previous_result(request), request.version));
}

void delete_chained(const Chained& type, const cni::Request& request, const Settings& settings) {
  Stage stage(open_records(type, settings));
  delete_recorded({.records = stage.records,
                   .key = key_of(request),
                   .tear_down =
                       [&](const std::optional<Attachment>& known) {
                         tear_down_chained(type, stage.world, request, known);
                       }},
                  settings);
}

void check_chained(const Chained& type, const cni::Request& request, const Settings& settings,
                   const Foretell& foretell) {
  const cni::Result previous = require_previous_result(request);
  Stage stage(open_records(type, settings), request);
  const Key key = key_of(request);
  steps::Findings findings;
  find_ends(stage.world, key.ifname);
  if (!stage.records.exists(key) && !is_ours(stage.world)) {
    Attachment attachment = begin_plan(request, stage);
    check_listed(previous, stage.world, attachment, findings);
    if (foretell) {
      foretell(attachment);
      for (const auto* step : type.steps) step->check(stage.world, attachment, findings);
    }
    return throw_findings(findings);
  }
  const Attachment attachment = require_record(stage.records, key);
  check_namespace(request, stage.container_identity(), attachment, findings);
  find_recorded_ends(stage.world, attachment);
  for (const auto* step : type.steps) step->check(stage.world, attachment, findings);
  throw_findings(findings);
}

void collect_chained(const Chained& type, const cni::Request& request, const Settings& settings) {
  const auto valid = read_valid_attachments(request, settings);
  if (!valid) return;
  Attempts attempts;
  attempts.run([&] {
    for (const Key& key : open_records(type, settings).list(request.network)) {
      if (valid->attachments.contains(key)) continue;
      attempts.run([&] { remove_stale(type, request, settings, key); });
    }
  });
  attempts.throw_incomplete_if_any();
}

void require_chained_ready(const Settings& settings, const std::vector<std::string>& rules) {
  Readiness readiness;
  readiness.require(require_netlink);
  if (!rules.empty()) readiness.require([&] { require_nftables(rules); });
  readiness.require([&] { base::require_writable(settings.state_directory); });
  readiness.throw_if_not();
}

}  // namespace operations
