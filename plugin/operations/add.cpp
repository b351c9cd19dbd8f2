#include "plugin/operations/add.h"

#include <algorithm>

#include "plugin/attachment/record_store.h"
#include "plugin/cni/error.h"
#include "plugin/lease/lease.h"
#include "plugin/operations/gc_unlisted.h"
#include "plugin/operations/shared/describe.h"
#include "plugin/operations/shared/forget_network.h"
#include "plugin/operations/shared/ipv6.h"
#include "plugin/operations/shared/mtu.h"
#include "plugin/operations/shared/plan.h"
#include "plugin/operations/shared/recorded.h"
#include "plugin/operations/shared/stage.h"
#include "plugin/operations/shared/stopwatch.h"
#include "plugin/operations/shared/tear_down.h"
#include "plugin/steps/step.h"

namespace operations {
namespace {

using attachment::Attachment;
using attachment::RecordStore;

// Results before 0.3.0 have no interfaces, so that one without an address would say nothing at all.
void refuse_inexpressible(const cni::Request& request, const config::Network& network) {
  if (network.ipam.type.empty() && request.version < cni::Version::k0_3_0) {
    throw cni::Error(
        cni::Code::kInvalidConfig,
        "ipam: is missing; a result without addresses needs cniVersion 0.3.0 or newer");
  }
}

// Tells the bridge's other ports where the addresses are now, in case one had them before: on a
// change of a MAC, which this is in name only, the kernel sends gratuitous ARP (arp_notify) and
// unsolicited neighbour advertisements (ndisc_notify). A packet socket would do it as well, but
// closing one waits for an RCU grace period, which takes longer than all the rest of an ADD. A
// routed container's only neighbour is the host, which has a fresh interface for it.
void announce_addresses(const steps::World& world, const Attachment& attachment,
                        const Settings& settings) {
  if (!attachment.bridge_port || !attachment.pair.container_up || attachment.addresses.empty())
    return;
  try {
    netlink::change_link(*world.container, *world.container_end,
                         {.mac = attachment.pair.container_mac});
  } catch (const std::exception& error) {
    // Neighbours that remember an address's former holder will find out by themselves, later.
    settings.report(std::string("addresses were not announced: ") + error.what());
  }
}

// With every trace of theirs: what else leads to their addresses must not lead to the next one's.
bool free_dead(const std::string& network, const Settings& settings) {
  bool any = false;
  collect_dead({.network = network}, settings, [&](const Dead& dead) {
    any = any || dead.removed;
    settings.report((dead.removed ? "removed " : "cannot remove ") +
                    attachment::to_string(dead.key) + ": " +
                    (dead.removed ? dead.reason : dead.problem));
  });
  return any;
}

struct Parts {
  const cni::Request& request;
  const config::Network& network;
  const Settings& settings;
  const Stage& stage;
  steps::World& world;
  attachment::Draft& draft;
  Stopwatch& watch;
};

void apply(std::span<const steps::Step* const> list, const Parts& parts, Attachment& attachment,
           base::Rollback& undo) {
  for (const steps::Step* step : list) {
    step->apply(parts.world, attachment, undo);
    parts.watch.lap(step->name);
  }
}

// What others rely on from the moment it is there: undone if not all of it succeeds, and never
// after that.
void open_to_others(const Parts& parts, Attachment& plan) {
  base::Rollback undo(parts.settings.report);
  apply(steps::public_steps(), parts, plan, undo);
  undo.dismiss();
}

void plan_settings(const Parts& parts, Attachment& plan) {
  if (!parts.network.tuning.empty()) {
    plan.tuning = plan_tuning(parts.network.tuning);
    steps::remember_originals(parts.world, *plan.tuning);
  }
  if (!parts.network.bandwidth.empty()) {
    constexpr unsigned kDefaultMtu = 1500;  // bytes
    plan.shaping = plan_shaping(plan.key, parts.network.bandwidth, plan.pair.host_name,
                                plan.pair.mtu != 0 ? plan.pair.mtu : kDefaultMtu);
  }
}

// What others on the bridge hear. A trunk's frames are in several VLANs, and count for the bridge.
std::string segment_of(const config::Network& network) {
  if (network.mode != config::Mode::kBridge) return {};
  const auto& vlans = network.bridge.vlans;
  return network.bridge.name +
         (vlans && vlans->native != 0 ? ":" + std::to_string(vlans->native) : "");
}

// A pool may be full of what the dead of other networks hold.
bool shares_addresses(const config::Network& network) {
  const auto& ours = network.ipam.host_local;
  return ours && !ours->pools.places.empty();
}

lease::Lease acquire(const Parts& parts, const Attachment& plan, base::Rollback& undo) {
  return lease::acquire(
      parts.request, parts.network.ipam,
      {.state_directory = parts.settings.state_directory,
       .report = parts.settings.report,
       .make_room =
           [&] {
             return free_dead(shares_addresses(parts.network) ? "" : plan.key.network,
                              parts.settings);
           },
       .segment = segment_of(parts.network),
       .masquerades = parts.network.rules.masquerade.ipv4 || parts.network.rules.masquerade.ipv6},
      undo);
}

// The draft says at each moment at least what has been done: its first line before the lease, its
// second before the rest. Addresses of ours are taken before the kernel is touched; a program may
// have to look for them through the interface, as a DHCP client does, and so finds it there.
std::string make(const Parts& parts, base::Rollback& undo) {
  const bool links_first = lease::is_of_program(parts.network.ipam);
  Attachment plan =
      plan_links(parts.request, parts.network, find_mtu(parts.world.host, parts.network));
  plan.netns = parts.stage.container_identity();
  plan.seen_from = parts.stage.viewpoint();
  plan_settings(parts, plan);
  parts.draft.write(plan);
  parts.watch.lap("begin");
  if (links_first) {
    apply(steps::link_steps(), parts, plan, undo);
    apply(steps::early_steps(), parts, plan, undo);
  }
  const lease::Lease lease = acquire(parts, plan, undo);
  plan_addresses(parts.network, lease, plan);
  require_ipv6_for(plan);
  parts.draft.write(plan);
  parts.watch.lap("lease");

  apply(links_first ? steps::late_steps() : steps::link_steps(), parts, plan, undo);
  apply(steps::inner_steps(), parts, plan, undo);
  if (parts.world.amended) parts.draft.write(plan);
  std::string document =
      cni::to_document(describe(parts.world, plan, parts.network, lease,
                                parts.request.previous_result().value_or(cni::Result{})),
                       parts.request.version);

  open_to_others(parts, plan);
  announce_addresses(parts.world, plan, parts.settings);
  parts.watch.lap("announce");
  parts.draft.write_ending(plan.wire, parts.watch.timings());
  return document;
}

}  // namespace

void add(const cni::Request& request, const config::Network& network, const Settings& settings) {
  Stage stage(RecordStore(settings.state_directory), request);
  refuse_inexpressible(request, network);
  (void)request.previous_result();  // an unreadable one is refused now
  lease::require(request, network.ipam);
  for (const auto& note : network.notes) settings.report(note);

  Stopwatch own_watch;
  Stopwatch& watch = settings.watch == nullptr ? own_watch : *settings.watch;
  const auto tear_down_known = [&](const std::optional<Attachment>& known) {
    tear_down(stage.world, request, known, settings.state_directory);
  };
  const auto is_live = [&](const Attachment& existing) {
    return attachment::find_host_end(stage.host_socket, existing) &&
           is_current(existing, stage.container_identity());
  };
  const auto make_all = [&](attachment::Draft& draft, base::Rollback& undo) {
    return make({request, network, settings, stage, stage.world, draft, watch}, undo);
  };
  try {
    add_recorded({.records = stage.records, .key = key_of(request), .tear_down = tear_down_known},
                 settings, {.is_live = is_live, .make = make_all});
  } catch (...) {
    forget_network(stage, request.network, settings);
    throw;
  }
}

}  // namespace operations
