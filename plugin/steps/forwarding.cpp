// That the node forwards, without losing what its uplinks learn from router advertisements
// (accept_ra=2).
#include "netlink/forwarding.h"

#include <algorithm>

#include "netlink/route.h"
#include "netlink/sysctl.h"
#include "plugin/cni/error.h"
#include "plugin/steps/step.h"
#include "plugin/steps/world.h"

namespace steps {
namespace {

using attachment::Attachment;

constexpr std::uint8_t kProtocolRa = 9;  // RTPROT_RA

std::string key_of(base::Family family) {
  return family == base::Family::kIpv4 ? "net/ipv4/ip_forward" : "net/ipv6/conf/all/forwarding";
}

bool has_learnt_routes(const std::vector<netlink::Route>& defaults, const netlink::Link& link) {
  return std::any_of(defaults.begin(), defaults.end(), [&](const auto& route) {
    return route.out_link == link.index && route.protocol == kProtocolRa;
  });
}

// A router does not listen to router advertisements, so the host would lose what it has from one,
// or never get it where the router has yet to speak (addrconf.c, ipv6_accept_ra): 2 tells an
// interface that has listened so far to listen all the same. A pair's other end may be a
// container's, which is no router; where the node is itself in one, it is the node's uplink.
void go_on_listening(World& world) {
  const auto defaults = netlink::default_routes(world.host, base::Family::kIpv6);
  for (const auto& link : netlink::all_links(world.host)) {
    if (link.accept_ra != 1 || (link.kind == "veth" && !has_learnt_routes(defaults, link)))
      continue;
    netlink::write_sysctl(ipv6_key(link.name, "accept_ra"), "2");
  }
}

void turn_on(World& world, base::Family family) {
  if (family == base::Family::kIpv6) go_on_listening(world);
  if (netlink::write_sysctl(key_of(family), "1")) return;
  throw cni::Error(cni::Code::kKernel, "this kernel cannot forward " +
                                           std::string(base::family_name(family)) + ": no sysctl " +
                                           key_of(family));
}

void apply(World& world, Attachment& attachment, base::Rollback& undo) {
  for (const auto family : attachment.forward) {
    if (netlink::is_forwarding(world.host, family)) continue;
    const std::string key = key_of(family);
    const auto before = netlink::read_sysctl(key);
    turn_on(world, family);
    undo.add("sysctl " + key,
             [key, value = before.value_or("0")] { netlink::write_sysctl(key, value); });
  }
}

void list_settings(World&, const Attachment& attachment, Settings& settings) {
  for (const auto family : attachment.forward)
    settings.push_back(look_at_sysctl(key_of(family), "1"));
}

void check(World& world, const Attachment& attachment, Findings& findings) {
  Settings settings;
  list_settings(world, attachment, settings);
  find_wrong(settings, findings, "forwarding is off: ");
}

void restore(World& world, const Attachment& attachment, Findings& restored) {
  for (const auto family : attachment.forward) {
    if (netlink::is_forwarding(world.host, family)) continue;
    turn_on(world, family);
    restored.push_back("sysctl " + key_of(family));
  }
}

// Others need it.
void remove(World&, const Attachment&) {}

}  // namespace

const Step kForwarding = {.name = "forwarding",
                          .apply = apply,
                          .check = check,
                          .remove = remove,
                          .restore = restore,
                          .settings = list_settings};

}  // namespace steps
