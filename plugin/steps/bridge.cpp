// The bridge: made by the first ADD, adopted where it is there, opened at the end.
#include "netlink/bridge.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>

#include "netlink/address.h"
#include "netlink/sysctl.h"
#include "plugin/cni/error.h"
#include "plugin/steps/step.h"
#include "plugin/steps/world.h"

// How many ADDs share the making of a bridge. A bridge that is down is unfinished: whoever finds
// none, or one that is down, takes the bridge's lock and looks again. The first one holds the lock
// until its ADD has succeeded and ends it by setting the bridge up; if it fails, it removes the
// bridge, which nobody else can have begun to use. The others find it up and need no lock from then
// on. So the lock is taken on first use only, a killed ADD leaves a bridge that the next one
// adopts, and a bridge in use is never removed.

namespace steps {
namespace {

using attachment::Attachment;
using attachment::BridgePort;

constexpr std::chrono::seconds kPatience{30};

netlink::Link require_bridge(netlink::Link link) {
  if (link.kind == "bridge") return link;
  throw cni::Error(cni::Code::kConflict,
                   "the interface " + link.name + " exists and is " +
                       (link.kind.empty() ? "no bridge" : "a " + link.kind + ", not a bridge") +
                       "; choose another name for key bridge, or remove it");
}

// A bridge that others have made keeps its settings.
void require_vlan_filtering(const netlink::Link& bridge) {
  if (bridge.vlan_filtering) return;
  throw cni::Error(cni::Code::kConflict,
                   "bridge " + bridge.name +
                       " exists and does not filter VLANs, so that vlan and vlanTrunk would have "
                       "no effect; use another bridge, or make it filter (ip link set " +
                       bridge.name + " type bridge vlan_filtering 1)");
}

[[noreturn]] void refuse_kernel(const netlink::Error& error) {
  throw cni::Error(cni::Code::kKernel,
                   "this kernel has no bridges that filter VLANs, which the keys vlan and "
                   "vlanTrunk need (CONFIG_BRIDGE_VLAN_FILTERING)",
                   error.what());
}

// In a network of nobody's, which is gone at once.
void try_vlan_filtering(const base::MacAddress& mac) {
  const auto home = netlink::Namespace::current();
  auto scratch = netlink::Socket::in(netlink::Namespace::make(home), home);
  try {
    (void)netlink::create_bridge(scratch, {.name = "br0", .mac = mac, .vlan_filtering = true});
  } catch (const netlink::Error& error) {
    if (error.code() == EOPNOTSUPP) refuse_kernel(error);
  }
}

bool remove_if_unused(World& world, const std::string& name) {
  const auto link = netlink::find_link(world.host, name);
  if (!link || link->is_up() || !netlink::ports_of(world.host, link->index).empty()) return false;
  return netlink::delete_link(world.host, link->index, name);
}

void create(World& world, const Attachment& attachment, base::Rollback& undo) {
  const BridgePort& port = *attachment.bridge_port;
  const netlink::BridgeSpec spec{.name = port.bridge,
                                 .mac = port.bridge_mac,
                                 .mtu = attachment.pair.mtu,
                                 .vlan_filtering = port.vlans.has_value(),
                                 .group = attachment::kGroupOfContainers};
  try {
    perform(
        undo, "the creation of bridge " + port.bridge,
        [&] { return netlink::create_bridge(world.host, spec); },
        [&world, name = port.bridge] { remove_if_unused(world, name); });
  } catch (const netlink::Error& error) {
    if (!port.vlans || error.code() != EOPNOTSUPP) throw;
    refuse_kernel(error);
  }
  netlink::write_sysctl(ipv6_key(port.bridge, "accept_ra"), "0");
  // Its link-local address comes of a MAC of ours; containers ask for it, and would wait for it.
  netlink::write_sysctl(ipv6_key(port.bridge, "accept_dad"), "0");
}

// The kernel forms the same address as the bridge comes up, but takes a moment to find it usable
// even where it looks for no duplicate, and a container that asks in that moment asks again in a
// second.
void give_link_local(World& world, const Attachment& attachment) {
  if (!attachment::has_family(attachment, base::Family::kIpv6)) return;
  const netlink::Link& bridge = *world.bridge;
  if (!bridge.mac) return;
  try {
    (void)netlink::add_address(world.host, bridge, {base::link_local_of(*bridge.mac), 64}, {});
  } catch (const netlink::Error& error) {
    if (!netlink::says_ipv6_is_off(error)) throw;  // a bridge needs none to carry it
  }
}

void make_promiscuous(World& world, base::Rollback& undo) {
  const netlink::Link bridge = *world.bridge;
  if (bridge.is_promiscuous()) return;
  const auto set = [&world, bridge](bool on) {
    netlink::change_link(world.host, bridge, {.promiscuous = on});
    return true;
  };
  perform(
      undo, "promiscuous mode of bridge " + bridge.name, [&] { return set(true); },
      [set] { set(false); });
}

// The kernel gives a bridge the least MAC of its ports, unless it was told one: the gateway would
// change its own whenever a container comes or goes, and be lost to all others until they ask
// again. To be told the one that it has is enough.
void keep_mac(World& world, const BridgePort& port) {
  const netlink::Link& bridge = *world.bridge;
  if (port.is_gateway && is_of_others(bridge) && bridge.mac)
    netlink::change_link(world.host, bridge, {.mac = bridge.mac});
}

// Where MACs are bound to ports, the bridge must not learn them from what no rule sees. It stays so
// where this ADD fails: another's container may rely on it by now.
void bind_macs(World& world, const Attachment& attachment) {
  if (attachment.antispoof && world.bridge->learns_from_groups)
    netlink::stop_learning_from_groups(world.host, *world.bridge);
}

void ensure(World& world, const Attachment& attachment, base::Rollback& undo) {
  if (!attachment.bridge_port) return;
  const std::string& name = attachment.bridge_port->bridge;
  world.bridge = netlink::find_link(world.host, name);
  if (!world.bridge || !world.bridge->is_up()) {
    world.bridge_lock.emplace(lock_bridge(world, name));
    world.bridge = netlink::find_link(world.host, name);
    if (!world.bridge) {
      create(world, attachment, undo);
      world.bridge = netlink::find_link(world.host, name);
      if (world.bridge) give_link_local(world, attachment);
    }
    if (world.bridge && world.bridge->is_up()) world.bridge_lock.reset();
  }
  if (!world.bridge)
    throw cni::Error(cni::Code::kConflict, "bridge " + name + " was removed while it was set up");
  world.bridge = require_bridge(std::move(*world.bridge));
  if (attachment.bridge_port->vlans) require_vlan_filtering(*world.bridge);
  keep_mac(world, *attachment.bridge_port);
  if (attachment.bridge_port->promiscuous) make_promiscuous(world, undo);
  bind_macs(world, attachment);
}

void apply(World& world, Attachment& attachment, base::Rollback& undo) {
  ensure(world, attachment, undo);
}

void list_settings(World& world, const Attachment& attachment, Settings& settings) {
  if (!world.bridge || !attachment.antispoof) return;
  const bool is_on = !world.bridge->learns_from_groups;
  settings.push_back({.name = "no_linklocal_learn of bridge " + world.bridge->name,
                      .wanted = "on",
                      .seen = is_on ? "on" : "off",
                      .is_right = is_on});
}

void check(World& world, const Attachment& attachment, Findings& findings) {
  if (!attachment.bridge_port) return;
  const std::string& name = attachment.bridge_port->bridge;
  world.bridge = netlink::find_link(world.host, name);
  if (!world.bridge) {
    findings.push_back("bridge " + name + " is missing");
    return;
  }
  if (world.bridge->kind != "bridge") findings.push_back("interface " + name + " is no bridge");
  if (!world.bridge->is_up()) findings.push_back("bridge " + name + " is down");
  if (attachment.bridge_port->promiscuous && !world.bridge->is_promiscuous()) {
    findings.push_back("bridge " + name + " is not in promiscuous mode");
  }
  Settings settings;
  list_settings(world, attachment, settings);
  find_wrong(settings, findings);
}

// One that had to be made anew, or is down, is finished by kOpenBridge.
void restore(World& world, const Attachment& attachment, Findings& restored) {
  if (!attachment.bridge_port) return;
  const std::string& name = attachment.bridge_port->bridge;
  const auto before = netlink::find_link(world.host, name);
  all_or_nothing([&](base::Rollback& undo) { ensure(world, attachment, undo); });
  if (!before) restored.push_back("bridge " + name);
  if (attachment.bridge_port->promiscuous && before && !before->is_promiscuous())
    restored.push_back("promiscuous mode of bridge " + name);
  if (before && attachment.antispoof && before->learns_from_groups)
    restored.push_back("no_linklocal_learn of bridge " + name);
}

// A bridge serves others and stays. Only that of an ADD which was killed before it came to its end,
// and which nobody adopted since, goes.
void remove(World& world, const Attachment& attachment) {
  if (!attachment.bridge_port || attachment.finished) return;
  const std::string& name = attachment.bridge_port->bridge;
  const auto link = netlink::find_link(world.host, name);
  if (!link || link->is_up() || link->mac != attachment.bridge_port->bridge_mac) return;
  const base::FileLock lock = lock_bridge(world, name);
  remove_if_unused(world, name);
}

void set_up(World& world) {
  netlink::change_link(world.host, *world.bridge, {.up = true});
  world.bridge_lock.reset();
}

void open(World& world, Attachment& attachment, base::Rollback&) {
  if (attachment.bridge_port && world.bridge_lock) set_up(world);
}

// One that this ADD has made has nobody on it who could give an address, and stays as it is.
void open_early(World& world, Attachment& attachment, base::Rollback& undo) {
  if (!attachment.bridge_port || !world.bridge_lock) return;
  const netlink::Link bridge = *world.bridge;
  if (bridge.mac == attachment.bridge_port->bridge_mac) return;
  const std::size_t ports = netlink::ports_of(world.host, bridge.index).size();
  perform(
      undo, "bridge " + bridge.name + ", up",
      [&] {
        set_up(world);
        return true;
      },
      [&world, bridge, ports] {
        // Others may have come, who found it up.
        if (netlink::ports_of(world.host, bridge.index).size() > ports) return;
        netlink::change_link(world.host, bridge, {.up = false});
      });
}

void restore_open(World& world, const Attachment& attachment, Findings& restored) {
  if (!attachment.bridge_port || !world.bridge_lock || !world.bridge) return;
  set_up(world);
  restored.push_back("bridge " + world.bridge->name + ", up");
}

void check_nothing(World&, const Attachment&, Findings&) {}
void remove_nothing(World&, const Attachment&) {}

}  // namespace

bool is_of_others(const netlink::Link& bridge) {
  return bridge.group != attachment::kGroupOfContainers;
}

base::FileLock lock_bridge(const World& world, const std::string& bridge) {
  const std::string path = world.records.state_directory() + "/locks";
  const base::UniqueFd directory = base::make_directories(path, 0700);
  const std::string name = "bridge:" + bridge;
  return {directory.get(), name, 0600, kPatience, path + "/" + name};
}

void foresee_bridge(netlink::Socket& host, const Attachment& plan) {
  if (!plan.bridge_port) return;
  const BridgePort& port = *plan.bridge_port;
  if (auto link = netlink::find_link(host, port.bridge)) {
    const netlink::Link bridge = require_bridge(std::move(*link));
    if (port.vlans) require_vlan_filtering(bridge);
  } else if (port.vlans) {
    try_vlan_filtering(port.bridge_mac);
  }
}

const Step kBridge = {.name = "bridge",
                      .apply = apply,
                      .check = check,
                      .remove = remove,
                      .restore = restore,
                      .settings = list_settings};
const Step kOpenBridgeEarly = {.name = "open bridge early",
                               .apply = open_early,
                               .check = check_nothing,
                               .remove = remove_nothing};
const Step kOpenBridge = {.name = "open bridge",
                          .apply = open,
                          .check = check_nothing,
                          .remove = remove_nothing,
                          .restore = restore_open};

}  // namespace steps
