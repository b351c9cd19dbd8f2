// Type firewall: ADD, DEL, CHECK, GC and STATUS of it behind another plugin in a list.
#include "plugin/config/firewall.h"

#include <array>

#include "plugin/cni/error.h"
#include "plugin/operations/chained.h"
#include "plugin/operations/shared/traces.h"
#include "plugin/ruleset/foreign_filter.h"
#include "plugin/ruleset/kernel.h"
#include "plugin/steps/world.h"
#include "plugin/types/type.h"

namespace types {
namespace {

using attachment::Attachment;

constexpr std::array<const steps::Step*, 5> kSteps = {&steps::kWithdrawRules, &steps::kIsolation,
                                                      &steps::kAcceptance, &steps::kPublishRules,
                                                      &steps::kForeignFilter};

// The gateway of the container's VLAN, `<bridge>.<vlan>`, which our bridge has in its result: what
// is routed to the container goes by that and not by the bridge.
std::optional<attachment::VlanGateway> vlan_gateway_in(const cni::Result& previous,
                                                       const std::string& bridge) {
  constexpr std::string_view kDigits = "0123456789";
  for (const auto& interface : previous.interfaces) {
    if (!interface.sandbox.empty() || !interface.name.starts_with(bridge + ".")) continue;
    const auto vlan = std::string_view(interface.name).substr(bridge.size() + 1);
    if (!vlan.empty() && vlan.find_first_not_of(kDigits) == std::string_view::npos)
      return attachment::VlanGateway{.name = interface.name};
  }
  return std::nullopt;
}

// Where the container is on the host: the bridge that the other end of its interface is a port of,
// or that end itself. The reference goes by the first interface of the result, whatever that is.
void plan_isolation(config::IngressPolicy policy, const cni::Result& previous,
                    const steps::World& world, Attachment& attachment) {
  if (policy == config::IngressPolicy::kOpen) return;
  if (!world.host_end) {
    throw cni::Error(cni::Code::kInvalidConfig,
                     "ingressPolicy: needs an interface with its other end on the host, which " +
                         attachment.key.ifname + " does not have");
  }
  attachment.isolation = policy == config::IngressPolicy::kIsolated
                             ? attachment::Isolation::kPod
                             : attachment::Isolation::kNetwork;
  attachment.pair.host_name = world.host_end->name;
  const auto master = world.host_end->master != 0
                          ? netlink::find_link(world.host, world.host_end->master)
                          : std::nullopt;
  if (master) {
    attachment.bridge_port = attachment::BridgePort{
        .bridge = master->name, .vlan_gateway = vlan_gateway_in(previous, master->name)};
  }
}

void plan_firewall(const config::Firewall& firewall, const cni::Result& previous,
                   const steps::World& world, Attachment& attachment) {
  attachment.firewall = {.admin_chain = firewall.admin_chain};
  for (const auto& ip : previous.ips) {
    if (cni::is_of_container(previous, ip, attachment.key.ifname))
      attachment.addresses.push_back({.prefix = ip.address, .gateway = std::nullopt});
  }
  plan_isolation(firewall.ingress, previous, world, attachment);
}

// Its chain comes after ours and drops what no zone of it lets through. Who counts on it to be told
// of the container would have one that is cut off; where it is not at work, nobody misses it.
void report_firewalld(const config::Firewall& firewall, const Settings& settings) {
  auto netfilter = ruleset::find_nftables();
  const std::string remedy = "add their subnet to a zone once: firewall-cmd --permanent --zone=" +
                             firewall.firewalld_zone + " --add-source=SUBNET";
  if (netfilter && ruleset::has_firewalld(*netfilter)) {
    if (firewall.wants_firewalld)
      throw cni::Error(cni::Code::kUnsupportedField,
                       "backend: \"firewalld\": is at work, but is not spoken to; remove the key, "
                       "and unless containers are let through, " +
                           remedy);
    settings.report(
        "firewall: firewalld is at work and may drop what containers send; unless they are let "
        "through, " +
        remedy);
  } else if (firewall.wants_firewalld) {
    settings.report(
        "backend: \"firewalld\" is not at work here; containers are accepted in nftables and "
        "iptables");
  }
}

void add_firewall(const cni::Request& request, const Settings& settings) {
  const auto firewall = config::read_firewall(request.config());
  report_firewalld(firewall, settings);
  operations::add_chained(
      kChainedFirewall, request, settings,
      [&](const cni::Result& previous, const steps::World& world, Attachment& attachment) {
        plan_firewall(firewall, previous, world, attachment);
      });
}

void delete_firewall(const cni::Request& request, const Settings& settings) {
  operations::delete_chained(kChainedFirewall, request, settings);
}

void check_firewall(const cni::Request& request, const Settings& settings) {
  operations::check_chained(kChainedFirewall, request, settings);
}

void collect_firewall(const cni::Request& request, const Settings& settings) {
  operations::collect_chained(kChainedFirewall, request, settings);
}

void report_status(const cni::Request& request, const Settings& settings) {
  report_firewalld(config::read_firewall(request.config()), settings);
  operations::require_chained_ready(settings, {"firewall"});
}

}  // namespace

const operations::Chained kChainedFirewall = {.name = attachment::RecordStore::kFirewall,
                                              .steps = kSteps,
                                              .find_traces = operations::find_traces_of_acceptance};

const Type kFirewall = {.name = "firewall",
                        .oldest = cni::Version::k0_4_0,
                        .add = add_firewall,
                        .del = delete_firewall,
                        .check = check_firewall,
                        .gc = collect_firewall,
                        .status = report_status};

}  // namespace types
