// No router advertisement of a container's is taken by the node.
//
// Whoever is on a link of the node's can make himself its router by an advertisement
// (CVE-2020-10749), so no link that a container is on takes any. A bridge that leads elsewhere,
// too, may be where the node has its own address and its way out from a router: it goes on
// listening, and rules drop what a container tells the node.
#include <algorithm>

#include "netlink/sysctl.h"
#include "plugin/ruleset/parts.h"
#include "plugin/steps/step.h"
#include "plugin/steps/world.h"

namespace steps {
namespace {

using attachment::Attachment;

std::string key_of(const netlink::Link& link) {
  return ipv6_key(link.name, "accept_ra");
}

// False without IPv6, too.
bool listens(const netlink::Link& link) {
  return link.accept_ra.value_or(0) != 0;
}

// A port that is neither a pair into a container nor one of our gateways.
bool leads_elsewhere(const netlink::Link& port) {
  return port.kind != "veth" || (!port.peer_nsid && !attachment::is_mark(port.alias));
}

// Ports are looked at only where it matters.
bool may_listen(World& world) {
  if (!world.bridge || !listens(*world.bridge)) return false;
  const auto ports = netlink::ports_of(world.host, world.bridge->index);
  return std::any_of(ports.begin(), ports.end(), leads_elsewhere);
}

// The links that must take none.
std::vector<const netlink::Link*> deaf_links(const World& world) {
  std::vector<const netlink::Link*> links;
  if (world.bridge && !world.has_node_guard) links.push_back(&*world.bridge);
  if (world.vlan_gateway) links.push_back(&*world.vlan_gateway);
  return links;
}

// Where the bridge may listen, the rule is wanted instead.
void choose(World& world) {
  world.has_node_guard = may_listen(world);
  if (world.has_node_guard) ruleset::want_node_guard(world.rules);
}

// What another's container may rely on by now is not taken back where this ADD fails.
void apply(World& world, Attachment&, base::Rollback&) {
  choose(world);
  for (const auto* link : deaf_links(world)) {
    if (listens(*link)) netlink::write_sysctl(key_of(*link), "0");
  }
}

// After check(), which has chosen.
void list_settings(World& world, const Attachment&, Settings& settings) {
  for (const auto* link : deaf_links(world)) {
    if (auto setting = look_at_hosts_accept_ra(*link)) settings.push_back(std::move(*setting));
  }
}

void check(World& world, const Attachment& attachment, Findings& findings) {
  choose(world);
  Settings settings;
  list_settings(world, attachment, settings);
  find_wrong(settings, findings, kMeaningOfAcceptRa);
}

void restore(World& world, const Attachment&, Findings& restored) {
  choose(world);
  for (const auto* link : deaf_links(world)) {
    if (!listens(*link)) continue;
    netlink::write_sysctl(key_of(*link), "0");
    restored.push_back("sysctl " + key_of(*link));
  }
}

// The rule is the same for all containers, and stays.
void remove(World&, const Attachment&) {}

}  // namespace

std::optional<Setting> look_at_hosts_accept_ra(const netlink::Link& link) {
  const std::string key = key_of(link);
  if (!link.accept_ra || !netlink::read_sysctl(key)) return std::nullopt;
  return look_at_sysctl(key, "0");
}

bool rules_come_first(const World& world, const Attachment& attachment) {
  return world.has_node_guard || attachment.antispoof;
}

const Step kAdvertisements = {.name = "router advertisements",
                              .apply = apply,
                              .check = check,
                              .remove = remove,
                              .restore = restore,
                              .settings = list_settings};

}  // namespace steps
