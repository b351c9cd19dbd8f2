// The veth pair, made in one request with both names and MACs and its place on the bridge.
#include <cerrno>

#include "netlink/netns.h"
#include "netlink/sysctl.h"
#include "netlink/veth.h"
#include "plugin/cni/error.h"
#include "plugin/steps/step.h"
#include "plugin/steps/world.h"

namespace steps {
namespace {

using attachment::Attachment;

// Whether a program is still to say which addresses there are: the interface is up by then, and
// what IPv6 needs has been set before.
bool may_use_ipv6(const Attachment& attachment) {
  return attachment.addresses.empty() && attachment.reservation;
}

// Where we give no addresses the interface is the LAN's, whose router may give some; where we give
// them, advertisements are refused (CVE-2020-10749) unless they are asked for, and then also by a
// container that forwards.
std::optional<std::string_view> wanted_accept_ra(const Attachment& attachment) {
  if (attachment.pair.accept_ra) return "2";
  if (attachment.addresses.empty() && !attachment.reservation) return std::nullopt;
  return "0";
}

// A name that is taken is told apart only after the kernel's refusal: the look-ups cost nothing
// where all is well.
[[noreturn]] void explain_taken_name(World& world, const Attachment& attachment,
                                     const netlink::Error& error) {
  const std::string& ifname = attachment.key.ifname;
  if (netlink::find_link(*world.container, ifname)) {
    throw cni::Error(cni::Code::kConflict, "the container has an interface " + ifname +
                                               " already (" + attachment.netns_path + ")");
  }
  if (const auto link = netlink::find_link(world.host, attachment.pair.host_name)) {
    throw cni::Error(cni::Code::kConflict, "the host has an interface " + link->name + " already" +
                                               (link->alias.empty() ? "" : ", of " + link->alias));
  }
  throw error;
}

std::optional<netlink::Link> create_pair(World& world, const Attachment& attachment) {
  const auto& pair = attachment.pair;
  try {
    return netlink::create_veth(world.host,
                                {.near = {.name = pair.host_name,
                                          .mac = pair.host_mac,
                                          .group = attachment::group_of(attachment.key.network)},
                                 .far = {.name = attachment.key.ifname, .mac = pair.container_mac},
                                 .far_namespace = world.container_namespace->fd(),
                                 .mtu = pair.mtu,
                                 .master = world.bridge ? world.bridge->index : 0});
  } catch (const netlink::Error& error) {
    if (error.code() == EEXIST) explain_taken_name(world, attachment, error);
    if (error.code() == EXFULL) {
      throw cni::Error(cni::Code::kExhausted,
                       "bridge " + attachment.bridge_port->bridge +
                           " has 1023 ports, which is all that the kernel gives one; use mode "
                           "routed, or a second bridge",
                       error.what());
    }
    throw;
  }
}

void enable_ipv6(const std::string& ifname) {
  const std::string key = ipv6_key(ifname, "disable_ipv6");
  if (netlink::read_sysctl(key).value_or("0") != "0") netlink::write_sysctl(key, "0");
}

// Both ends are down still, so that no advertisement can have been taken (CVE-2020-10749). Without
// IPv6 there are no such keys.
void prepare_ipv6(World& world, const Attachment& attachment) {
  netlink::write_sysctl(ipv6_key(attachment.pair.host_name, "accept_ra"), "0");
  const std::string& ifname = attachment.key.ifname;
  const netlink::ScopedEntry inside(*world.container_namespace, world.host_namespace);
  if (const auto value = wanted_accept_ra(attachment))
    netlink::write_sysctl(ipv6_key(ifname, "accept_ra"), *value);
  if (attachment.pair.accept_ra) enable_ipv6(ifname);
  const bool is_early = may_use_ipv6(attachment);
  if (!is_early && !attachment::has_family(attachment, base::Family::kIpv6)) return;
  // The link-local address is the one that the MAC gives (see antispoof.cpp).
  if (is_early || attachment.antispoof)
    netlink::write_sysctl(ipv6_key(ifname, "addr_gen_mode"), "0");
  // Announces addresses, as arp_notify does (see addresses.cpp).
  if (attachment.bridge_port) netlink::write_sysctl(ipv6_key(ifname, "ndisc_notify"), "1");
  if (!is_early) enable_ipv6(ifname);
  netlink::write_sysctl(
      ipv6_key(ifname, attachment.pair.enable_dad ? "enhanced_dad" : "accept_dad"),
      attachment.pair.enable_dad ? "1" : "0");
}

void apply(World& world, Attachment& attachment, base::Rollback& undo) {
  const std::string& host_name = attachment.pair.host_name;
  perform(
      undo, "the veth pair " + host_name,
      [&] {
        world.host_end = create_pair(world, attachment);
        return true;
      },
      [&world, host_name] { netlink::delete_link(world.host, host_name); });
  if (!world.host_end) {
    throw cni::Error(cni::Code::kConflict,
                     "the veth pair " + host_name + " was removed while it was set up");
  }
  attachment.wire = attachment::wire_of(*world.host_end);
  // As far as it is known; kCarrier looks at both.
  world.container_end = netlink::Link{.index = world.host_end->peer,
                                      .name = attachment.key.ifname,
                                      .mac = attachment.pair.container_mac};
  prepare_ipv6(world, attachment);
  netlink::LinkChange change{.alias = attachment::alias_of(attachment.key)};
  if (!rules_come_first(world, attachment)) change.up = true;
  if (attachment.bridge_port) change.bridge_port = flags_of(*attachment.bridge_port);
  netlink::change_link(world.host, *world.host_end, change);
}

// The interface of which nobody knew so far whether it would have IPv6 has it as its namespace
// does.
void apply_ipv6_late(World& world, Attachment& attachment, base::Rollback&) {
  if (!attachment::has_family(attachment, base::Family::kIpv6)) return;
  const netlink::ScopedEntry inside(*world.container_namespace, world.host_namespace);
  enable_ipv6(attachment.key.ifname);
}

void check_nothing(World&, const Attachment&, Findings&) {}
void remove_nothing(World&, const Attachment&) {}

void check_host_end(World& world, const Attachment& attachment, Findings& findings) {
  const std::string& name = attachment.pair.host_name;
  world.host_end = netlink::find_link(world.host, name);
  if (!world.host_end) {
    findings.push_back("host interface " + name + " is missing");
    return;
  }
  if (world.host_end->kind != "veth") findings.push_back("host interface " + name + " is no veth");
  if (!world.host_end->is_up()) findings.push_back("host interface " + name + " is down");
  if (const auto setting = look_at_hosts_accept_ra(*world.host_end))
    find_wrong({*setting}, findings, kMeaningOfAcceptRa);
  if (attachment.bridge_port && (!world.bridge || world.host_end->master != world.bridge->index)) {
    findings.push_back("host interface " + name + " is not a port of bridge " +
                       attachment.bridge_port->bridge);
  }
}

// Absent where nothing was asked for, or the kernel has no IPv6.
std::optional<Setting> look_at_accept_ra(World& world, const Attachment& attachment) {
  if (!attachment.pair.accept_ra || !world.container_end) return std::nullopt;
  const netlink::ScopedEntry inside(*world.container_namespace, world.host_namespace);
  Setting setting = look_at_sysctl(ipv6_key(attachment.key.ifname, "accept_ra"), "2");
  if (!setting.seen) return std::nullopt;
  if (setting.seen == "1") setting.is_right = true;  // a tuning that says so
  return setting;
}

void list_settings(World& world, const Attachment& attachment, Settings& settings) {
  if (world.host_end) {
    if (auto setting = look_at_hosts_accept_ra(*world.host_end))
      settings.push_back(std::move(*setting));
  }
  if (auto setting = look_at_accept_ra(world, attachment)) settings.push_back(std::move(*setting));
}

void check(World& world, const Attachment& attachment, Findings& findings) {
  check_host_end(world, attachment, findings);
  const std::string& ifname = attachment.key.ifname;
  world.container_end = netlink::find_link(*world.container, ifname);
  if (!world.container_end) {
    findings.push_back("container interface " + ifname + " is missing");
    return;
  }
  const auto& link = *world.container_end;
  if (link.kind != "veth") findings.push_back("container interface " + ifname + " is no veth");
  if (world.host_end && !is_pair(world, *world.host_end, link)) {
    findings.push_back("container interface " + ifname + " is not the peer of " +
                       world.host_end->name);
  }
  if (attachment.pair.container_up && !link.is_up())
    findings.push_back("container interface " + ifname + " is down");
  if (const auto setting = look_at_accept_ra(world, attachment)) find_wrong({*setting}, findings);
}

void remove(World& world, const Attachment& attachment) {
  if (const auto index = attachment::glance_at_host_end(world.host, attachment)) {
    netlink::delete_link(world.host, *index, attachment.pair.host_name);
    return;
  }
  const auto link = attachment::find_host_end(world.host, attachment);
  if (link) netlink::delete_link(world.host, link->index, link->name);
}

// A pair that is gone took the container's side with it, and only the runtime's ADD makes that.
void require_pair(World& world, const Attachment& attachment) {
  const std::string& name = attachment.pair.host_name;
  world.host_end = netlink::find_link(world.host, name);
  world.container_end = netlink::find_link(*world.container, attachment.key.ifname);
  const bool whole = world.host_end && world.container_end &&
                     attachment::is_host_end(*world.host_end, attachment) &&
                     is_pair(world, *world.host_end, *world.container_end);
  if (whole) return;
  world.host_end.reset();
  world.container_end.reset();
  throw cni::Error(cni::Code::kConflict,
                   "the veth pair " + name + " of container " + attachment.key.container_id +
                       " is gone and cannot be put back; delete the attachment and add it again");
}

void restore_accept_ra(World& world, const Attachment& attachment, Findings& restored) {
  const auto setting = look_at_accept_ra(world, attachment);
  if (!setting || setting->is_right) return;
  const netlink::ScopedEntry inside(*world.container_namespace, world.host_namespace);
  netlink::write_sysctl(ipv6_key(attachment.key.ifname, "accept_ra"), setting->wanted);
  restored.push_back(setting->name);
}

void refuse_advertisements(World& world, Findings& restored) {
  const auto setting = look_at_hosts_accept_ra(*world.host_end);
  if (!setting || setting->is_right) return;
  netlink::write_sysctl(ipv6_key(world.host_end->name, "accept_ra"), setting->wanted);
  restored.push_back(setting->name);
}

// The container's end is set up when it has its addresses (see addresses.cpp).
void restore(World& world, const Attachment& attachment, Findings& restored) {
  require_pair(world, attachment);
  restore_accept_ra(world, attachment, restored);
  refuse_advertisements(world, restored);
  netlink::LinkChange change;
  const netlink::Link link = *world.host_end;
  if (attachment.bridge_port && world.bridge && link.master != world.bridge->index) {
    change.master = world.bridge->index;
    restored.push_back("port " + link.name + " of bridge " + world.bridge->name);
  }
  if (link.alias.empty()) {
    change.alias = attachment::alias_of(attachment.key);
    restored.push_back("alias of host interface " + link.name);
  }
  if (!link.is_up()) {
    change.up = true;
    restored.push_back("host interface " + link.name + ", up");
  }
  if (!change.master && !change.alias && !change.up) return;
  netlink::change_link(world.host, link, change);
  world.host_end = netlink::find_link(world.host, link.name);
}

}  // namespace

const Step kInterface = {.name = "interface",
                         .apply = apply,
                         .check = check,
                         .remove = remove,
                         .restore = restore,
                         .settings = list_settings};

const Step kIpv6Late = {
    .name = "IPv6", .apply = apply_ipv6_late, .check = check_nothing, .remove = remove_nothing};

}  // namespace steps
