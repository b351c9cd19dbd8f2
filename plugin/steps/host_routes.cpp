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

// The host's route is what makes an address a container's, so it decides who has it, whatever the
// records say: the kernel takes one of two at once, and one that is there is never replaced. A
// container that is gone has taken its pair with it, and the kernel the route: what is there leads
// to one that lives, or is somebody's decision. One of the host's own addresses, or a route of
// another metric, would have the packets all the same.
void claim(World& world, const netlink::Route& wanted) {
  const auto claimed = netlink::claim_address(world.host, wanted);
  if (claimed.is_made && !claimed.earlier) return;
  const std::string address = wanted.destination.address().to_string();
  constexpr std::uint8_t kLocal = 2;  // RTN_LOCAL
  if (claimed.earlier && claimed.earlier->type == kLocal)
    throw cni::Error(cni::Code::kConflict, address + " is an address of the host itself");
  const auto owner =
      claimed.earlier ? netlink::find_link(world.host, claimed.earlier->out_link) : std::nullopt;
  std::string through;
  if (owner)
    through = " through " + owner->name + (owner->alias.empty() ? "" : " (" + owner->alias + ")");
  throw cni::Error(cni::Code::kConflict, "the host has a route to " +
                                             wanted.destination.to_string() + through + " already");
}

void apply(World& world, Attachment& attachment, base::Rollback&) {
  if (!has_own_link(attachment)) return;
  for (const auto& address : attachment.addresses)
    claim(world, wanted_route(world, attachment, address.prefix));
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
    claim(world, wanted);
    restored.push_back("host route " + wanted.destination.to_string());
  }
}

// They go with the interface.
void remove(World&, const Attachment&) {}

}  // namespace

const Step kHostRoutes = {
    .name = "host routes", .apply = apply, .check = check, .remove = remove, .restore = restore};

}  // namespace steps
