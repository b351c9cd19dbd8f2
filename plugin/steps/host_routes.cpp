// The host's routes to a container that has a link of its own.
#include "netlink/route.h"
#include "plugin/cni/error.h"
#include "plugin/steps/step.h"

namespace steps {
namespace {

using attachment::Attachment;

bool has_own_link(const Attachment& attachment) {
  return attachment.routed_port || attachment.ptp_port;
}

netlink::Route wanted_route(const World& world, const Attachment& attachment,
                            const base::IpPrefix& address) {
  netlink::Route route{.destination = base::IpPrefix::host(address.address()),
                       .out_link = world.host_end->index};
  constexpr std::uint8_t kScopeHost = 254;  // as the reference ptp has it
  if (attachment.ptp_port) route.scope = kScopeHost;
  return route;
}

// "patchcord network/id/ifname" names a dead owner when no record bears that name any more.
bool is_dead(const World& world, const netlink::Link& link) {
  constexpr std::string_view kMark = "patchcord ";
  if (link.alias.rfind(kMark, 0) != 0) return false;
  const std::string name = link.alias.substr(kMark.size());
  const auto first = name.find('/');
  const auto second = name.find('/', first + 1);
  if (first == std::string::npos || second == std::string::npos) return false;
  return !world.records.exists({.network = name.substr(0, first),
                                .container_id = name.substr(first + 1, second - first - 1),
                                .ifname = name.substr(second + 1)});
}

// What stands in the way is replaced only if it leads to a container that is known to be gone. A
// route that leads nowhere, a blackhole say, is somebody's decision.
void replace_stale(World& world, const netlink::Route& wanted) {
  const auto existing = netlink::match_route(world.host, wanted.destination.address());
  const auto owner = existing ? netlink::find_link(world.host, existing->out_link) : std::nullopt;
  if (owner && is_dead(world, *owner)) return netlink::replace_route(world.host, wanted);
  std::string through;
  if (owner)
    through = " through " + owner->name + (owner->alias.empty() ? "" : " (" + owner->alias + ")");
  throw cni::Error(cni::Code::kConflict, "the host has a route to " +
                                             wanted.destination.to_string() + through + " already");
}

void add(World& world, const netlink::Route& wanted) {
  if (!netlink::add_route(world.host, wanted)) replace_stale(world, wanted);
}

void apply(World& world, Attachment& attachment, base::Rollback&) {
  if (!has_own_link(attachment)) return;
  for (const auto& address : attachment.addresses)
    add(world, wanted_route(world, attachment, address.prefix));
}

void check(World& world, const Attachment& attachment, Findings& findings) {
  if (!has_own_link(attachment) || !world.host_end) return;
  for (const auto& address : attachment.addresses) {
    const netlink::Route wanted = wanted_route(world, attachment, address.prefix);
    const auto seen = netlink::match_route(world.host, wanted.destination.address());
    const std::string what = "host route " + wanted.destination.to_string();
    if (!seen || seen->destination != wanted.destination) {
      findings.push_back(what + " is missing");
    } else if (seen->out_link != wanted.out_link) {
      findings.push_back(what + " does not lead to " + world.host_end->name);
    }
  }
}

void restore(World& world, const Attachment& attachment, Findings& restored) {
  if (!has_own_link(attachment) || !world.host_end) return;
  for (const auto& address : attachment.addresses) {
    const netlink::Route wanted = wanted_route(world, attachment, address.prefix);
    const auto seen = netlink::match_route(world.host, wanted.destination.address());
    if (seen && seen->destination == wanted.destination && seen->out_link == wanted.out_link)
      continue;
    add(world, wanted);
    restored.push_back("host route " + wanted.destination.to_string());
  }
}

// They go with the interface.
void remove(World&, const Attachment&) {}

}  // namespace

const Step kHostRoutes = {
    .name = "host routes", .apply = apply, .check = check, .remove = remove, .restore = restore};

}  // namespace steps
