// The interface that is the gateway of one VLAN of a bridge.
#include "netlink/bridge.h"
#include "netlink/sysctl.h"
#include "netlink/veth.h"
#include "plugin/cni/error.h"
#include "plugin/steps/step.h"
#include "plugin/steps/world.h"

// The gateway of a VLAN is a veth pair of the host: one end is a port in that VLAN, the other one,
// <bridge>.<vlan>, has the gateway's addresses. Like the bridge it is shared, and the same order of
// things serves (see bridge.cpp): one that is down is unfinished, whoever finds it so or missing
// takes the bridge's lock, and the ADD that has made it ends by setting it up.

namespace steps {
namespace {

using attachment::Attachment;
using attachment::BridgePort;

const attachment::VlanGateway* wanted(const Attachment& attachment) {
  if (!attachment.bridge_port || !attachment.bridge_port->vlan_gateway) return nullptr;
  return &*attachment.bridge_port->vlan_gateway;
}

bool remove_if_unfinished(World& world, const std::string& name) {
  const auto link = netlink::find_link(world.host, name);
  if (!link || link->is_up() || link->kind != "veth") return false;
  return netlink::delete_link(world.host, link->index, name);
}

void create(World& world, const attachment::VlanGateway& gateway, base::Rollback& undo) {
  const std::string port = attachment::port_of_vlan_gateway(gateway.name);
  perform(
      undo, "the creation of " + gateway.name,
      [&] {
        netlink::create_veth(world.host, {.near = {.name = port},
                                          .far = {.name = gateway.name,
                                                  .mac = gateway.mac,
                                                  .group = attachment::kGroupOfContainers},
                                          .far_namespace = world.host_namespace.fd(),
                                          .mtu = world.bridge->mtu,
                                          .master = world.bridge->index});
        return true;
      },
      [&world, name = gateway.name] { remove_if_unfinished(world, name); });
  netlink::write_sysctl(ipv6_key(gateway.name, "accept_ra"), "0");
  netlink::write_sysctl(ipv6_key(port, "accept_ra"), "0");
}

// Anew each time it is found down, so that one which a killed ADD left is finished.
void set_up_port(World& world, const BridgePort& attached, const attachment::VlanGateway& gateway) {
  const std::string name = attachment::port_of_vlan_gateway(gateway.name);
  const auto port = netlink::find_link(world.host, name);
  if (!port || port->master != world.bridge->index) {
    throw cni::Error(cni::Code::kConflict,
                     "the interface " + gateway.name +
                         " exists, is down, and is not the gateway of a VLAN of bridge " +
                         attached.bridge + "; remove it");
  }
  const std::uint16_t vlan = attached.vlans->native;
  if (world.bridge->default_vlan != 0 && !attached.vlans->keep_default)
    netlink::remove_port_vlan(world.host, *port, world.bridge->default_vlan);
  const netlink::VlanRange range{.first = vlan, .last = vlan, .native = true, .untagged = true};
  netlink::add_port_vlans(world.host, *port, {&range, 1});
  netlink::change_link(world.host, *port,
                       {.up = true, .alias = "patchcord gateway " + gateway.name});
}

void ensure(World& world, const Attachment& attachment, base::Rollback& undo) {
  const auto* gateway = wanted(attachment);
  if (gateway == nullptr) return;
  world.vlan_gateway = netlink::find_link(world.host, gateway->name);
  if (world.vlan_gateway && world.vlan_gateway->is_up()) return;
  if (!world.bridge_lock)
    world.bridge_lock.emplace(lock_bridge(world, attachment.bridge_port->bridge));
  world.vlan_gateway = netlink::find_link(world.host, gateway->name);
  if (world.vlan_gateway && world.vlan_gateway->is_up()) return;
  if (!world.vlan_gateway) create(world, *gateway, undo);
  set_up_port(world, *attachment.bridge_port, *gateway);
  world.vlan_gateway = netlink::find_link(world.host, gateway->name);
  if (!world.vlan_gateway) {
    throw cni::Error(cni::Code::kConflict,
                     "interface " + gateway->name + " was removed while it was set up");
  }
}

void apply(World& world, Attachment& attachment, base::Rollback& undo) {
  ensure(world, attachment, undo);
}

void check(World& world, const Attachment& attachment, Findings& findings) {
  const auto* gateway = wanted(attachment);
  if (gateway == nullptr) return;
  world.vlan_gateway = netlink::find_link(world.host, gateway->name);
  if (!world.vlan_gateway) {
    findings.push_back("gateway interface " + gateway->name + " is missing");
  } else if (!world.vlan_gateway->is_up()) {
    findings.push_back("gateway interface " + gateway->name + " is down");
  }
}

void restore(World& world, const Attachment& attachment, Findings& restored) {
  const auto* gateway = wanted(attachment);
  if (gateway == nullptr || !world.bridge) return;
  const bool present = netlink::find_link(world.host, gateway->name).has_value();
  all_or_nothing([&](base::Rollback& undo) { ensure(world, attachment, undo); });
  if (!present) restored.push_back("gateway interface " + gateway->name);
}

// It serves others and stays; only what a killed ADD left unfinished goes.
void remove(World& world, const Attachment& attachment) {
  const auto* gateway = wanted(attachment);
  if (gateway == nullptr || attachment.finished) return;
  const auto link = netlink::find_link(world.host, gateway->name);
  if (!link || link->is_up() || link->mac != gateway->mac) return;
  const base::FileLock lock = lock_bridge(world, attachment.bridge_port->bridge);
  remove_if_unfinished(world, gateway->name);
}

void open(World& world, Attachment& attachment, base::Rollback&) {
  if (wanted(attachment) == nullptr || world.vlan_gateway->is_up()) return;
  netlink::change_link(world.host, *world.vlan_gateway, {.up = true});
}

void restore_open(World& world, const Attachment& attachment, Findings& restored) {
  if (wanted(attachment) == nullptr || !world.vlan_gateway || world.vlan_gateway->is_up()) return;
  netlink::change_link(world.host, *world.vlan_gateway, {.up = true});
  restored.push_back("gateway interface " + world.vlan_gateway->name + ", up");
}

void check_nothing(World&, const Attachment&, Findings&) {}
void remove_nothing(World&, const Attachment&) {}

}  // namespace

const Step kVlanGateway = {
    .name = "VLAN gateway", .apply = apply, .check = check, .remove = remove, .restore = restore};
const Step kOpenVlanGateway = {.name = "open VLAN gateway",
                               .apply = open,
                               .check = check_nothing,
                               .remove = remove_nothing,
                               .restore = restore_open};

}  // namespace steps
