#include "plugin/types/attach.h"

#include <algorithm>

#include "base/error.h"
#include "netlink/route.h"
#include "plugin/attachment/record_store.h"
#include "plugin/cni/error.h"
#include "plugin/lease/lease.h"
#include "plugin/steps/step.h"
#include "plugin/types/describe.h"
#include "plugin/types/namespaces.h"
#include "plugin/types/plan.h"
#include "plugin/types/tear_down.h"

namespace types {
namespace {

using attachment::Attachment;
using attachment::Key;
using attachment::RecordStore;
using netlink::Namespace;

// Results before 0.3.0 have no interfaces, so that one without an address would say nothing at all.
void refuse_inexpressible(const cni::Request& request, const config::Network& network) {
  if (network.ipam.type.empty() && request.version < cni::Version::k0_3_0) {
    throw cni::Error(
        cni::Code::kInvalidConfig,
        "ipam: is missing; a result without addresses needs cniVersion 0.3.0 or newer");
  }
}

unsigned find_mtu(netlink::Socket& host, const config::Network& network) {
  if (!network.mtu_auto) return network.mtu;
  for (const auto family : {base::Family::kIpv4, base::Family::kIpv6}) {
    for (const auto& route : netlink::default_routes(host, family)) {
      if (const auto uplink = netlink::find_link(host, route.out_link)) return uplink->mtu;
    }
  }
  return 0;
}

// A container has one network namespace. If it comes back in another one, and the path that it had
// leads there no more, the first is gone, even while the kernel still takes it down.
bool is_current(const Attachment& existing, const Namespace& container) {
  if (existing.netns == container.identity()) return true;
  const auto former = Namespace::find(existing.netns_path);
  return former && former->identity() == existing.netns;
}

void refuse_live_attachment(const RecordStore& records, steps::World& world,
                            const cni::Request& request, const Settings& settings) {
  const Key key = key_of(request);
  const auto existing = records.find(key);
  if (!existing) return;
  const auto host_end = netlink::find_link(world.host, existing->pair.host_name);
  if (host_end && host_end->alias == attachment::alias_of(key) &&
      is_current(*existing, *world.container_namespace)) {
    throw cni::Error(cni::Code::kConflict, "container " + key.container_id +
                                               " is attached to network " + key.network +
                                               " with interface " + key.ifname +
                                               " already; delete that attachment first");
  }
  // Its container went away without a DEL, and its interface with it.
  tear_down(world, request, existing, settings.state_directory);
  records.remove(key);
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

void apply(std::span<const steps::Step* const> list, steps::World& world, Attachment& attachment,
           base::Rollback& undo) {
  for (const steps::Step* step : list) step->apply(world, attachment, undo);
}

struct Parts {
  const cni::Request& request;
  const config::Network& network;
  const Settings& settings;
  steps::World& world;
  attachment::Draft& draft;
};

// What others rely on from the moment it is there: undone if not all of it succeeds, and never
// after that.
void open_to_others(const Parts& parts, Attachment& plan) {
  base::Rollback undo(parts.settings.report);
  apply(steps::public_steps(), parts.world, plan, undo);
  undo.dismiss();
}

// Whoever finds the draft of a process that is gone cleans up after it, so a record is published
// only when the runtime has the result. A draft that cannot become a record still leads DEL to
// everything, and so does no harm.
void publish(const Parts& parts, const Key& key) {
  try {
    parts.world.records.publish(key, parts.draft);
  } catch (const base::SystemError& error) {
    parts.settings.report(std::string("the record stays a draft: ") + error.what());
  }
}

// The draft says at each moment at least what has been done: its first line before the lease, its
// second before the kernel is touched.
void make(const Parts& parts, base::Rollback& undo) {
  Attachment plan =
      plan_links(parts.request, parts.network, parts.world.container_namespace->identity(),
                 find_mtu(parts.world.host, parts.network));
  parts.draft.write(plan);
  lease::Lease lease =
      lease::acquire(parts.request, parts.network.ipam, parts.settings.state_directory, undo);
  plan_addresses(parts.network, lease, plan);
  parts.draft.write(plan);

  apply(steps::private_steps(), parts.world, plan, undo);
  if (parts.world.amended) parts.draft.write(plan);
  const std::string document =
      cni::to_document(describe(parts.world, plan, parts.network, lease,
                                parts.request.previous_result().value_or(cni::Result{})),
                       parts.request.version);

  open_to_others(parts, plan);
  announce_addresses(parts.world, plan, parts.settings);
  parts.settings.deliver(document);
  undo.dismiss();
  publish(parts, plan.key);
}

void check_previous_result(const cni::Result& previous, const steps::World& world,
                           const Attachment& attachment, steps::Findings& findings) {
  const auto at = std::find_if(
      previous.interfaces.begin(), previous.interfaces.end(), [&](const auto& interface) {
        return interface.name == attachment.key.ifname && !interface.sandbox.empty();
      });
  if (at == previous.interfaces.end()) {
    findings.push_back("prevResult has no container interface " + attachment.key.ifname);
    return;
  }
  if (!world.container_end || at->mac.empty()) return;
  const auto mac = base::MacAddress::parse(at->mac);
  if (mac != world.container_end->mac) {
    findings.push_back("container interface " + attachment.key.ifname +
                       " does not have the MAC address " + at->mac);
  }
}

std::string join(const std::vector<std::string>& sentences) {
  std::string text;
  for (const auto& sentence : sentences) text += (text.empty() ? "" : "; ") + sentence;
  return text;
}

Attachment find_record(const RecordStore& records, const Key& key) {
  if (auto attachment = records.find(key)) return std::move(*attachment);
  throw cni::Error(cni::Code::kCheckFailed, "there is no record of the attachment " +
                                                attachment::to_string(key) + " in " +
                                                records.state_directory());
}

void delete_attachment(const cni::Request& request, const Settings& settings,
                       Unrecorded unrecorded) {
  const Namespace home = Namespace::current();
  netlink::Socket host_socket;
  const RecordStore records(settings.state_directory);
  steps::World world{.host_namespace = home, .host = host_socket, .records = records};

  const Key key = key_of(request);
  constexpr std::chrono::seconds kPatience{30};
  const auto opened = records.take_over(key, kPatience);
  if (opened) {
    tear_down(world, request, opened->torso, settings.state_directory);
    records.discard(key, opened->draft);
  }
  const auto record = records.find(key);
  if (record || !opened) tear_down(world, request, record, settings.state_directory, unrecorded);
  records.remove(key);
}

}  // namespace

void add(const cni::Request& request, const config::Network& network, const Settings& settings) {
  const Namespace home = Namespace::current();
  const Namespace container = open_container(request, home);
  refuse_inexpressible(request, network);
  (void)request.previous_result();  // an unreadable one is refused now
  lease::require(request, network.ipam);

  netlink::Socket host_socket;
  netlink::Socket container_socket = netlink::Socket::in(container, home);
  const RecordStore records(settings.state_directory);
  steps::World world{.host_namespace = home,
                     .host = host_socket,
                     .container_namespace = &container,
                     .container = &container_socket,
                     .records = records};

  auto opened = records.begin(key_of(request));
  base::Rollback undo(settings.report);
  try {
    if (opened.is_torso) tear_down(world, request, opened.torso, settings.state_directory);
    refuse_live_attachment(records, world, request, settings);
    make({request, network, settings, world, opened.draft}, undo);
  } catch (...) {
    // What could not be undone stays on record, so that a DEL can try again.
    if (undo.run()) records.discard(key_of(request), opened.draft);
    throw;
  }
}

void del(const cni::Request& request, const Settings& settings) {
  delete_attachment(request, settings, Unrecorded::kMarked);
}

void del_drop_in(const cni::Request& request, const Settings& settings) {
  delete_attachment(request, settings, Unrecorded::kOfContainer);
}

void check(const cni::Request& request, const Settings& settings) {
  const auto previous = request.previous_result();
  if (!previous)
    throw cni::Error(cni::Code::kInvalidConfig, "prevResult: is missing; CHECK compares with it");
  const Namespace home = Namespace::current();
  const Namespace container = open_container(request, home);
  const RecordStore records(settings.state_directory);
  const Attachment attachment = find_record(records, key_of(request));

  netlink::Socket host_socket;
  netlink::Socket container_socket = netlink::Socket::in(container, home);
  steps::World world{.host_namespace = home,
                     .host = host_socket,
                     .container_namespace = &container,
                     .container = &container_socket,
                     .records = records};
  steps::Findings findings;
  if (container.identity() != attachment.netns) {
    findings.push_back("CNI_NETNS " + request.netns + " is not the namespace that was attached");
  }
  for (const auto* step : steps::private_steps()) step->check(world, attachment, findings);
  for (const auto* step : steps::public_steps()) step->check(world, attachment, findings);
  check_previous_result(*previous, world, attachment, findings);
  for (auto& finding : lease::check(request, attachment, settings.state_directory))
    findings.push_back(std::move(finding));
  if (!findings.empty()) throw cni::Error(cni::Code::kCheckFailed, join(findings));
}

}  // namespace types
