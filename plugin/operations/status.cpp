#include "plugin/operations/status.h"

#include "base/file.h"
#include "netlink/link.h"
#include "plugin/cni/error.h"
#include "plugin/lease/lease.h"
#include "plugin/operations/shared/former_names.h"
#include "plugin/operations/shared/ipv6.h"
#include "plugin/operations/shared/mtu.h"
#include "plugin/operations/shared/plan.h"
#include "plugin/ruleset/kernel.h"
#include "plugin/steps/step.h"

namespace operations {
namespace {

constexpr std::size_t kMostPorts = 1023;  // BR_MAX_PORTS - 1: port 0 is none

// A port is free again when a container goes, so this is a warning.
void look_for_free_port(netlink::Socket& host, const std::string& name, const Settings& settings) {
  const auto bridge = netlink::find_link(host, name);
  if (!bridge) return;  // the first ADD makes it
  const auto ports = netlink::ports_of(host, bridge->index).size();
  if (ports < kMostPorts) return;
  settings.report("STATUS: bridge " + name + " has " + std::to_string(ports) +
                  " ports, which is all that the kernel gives one; use mode routed, or another "
                  "bridge");
}

// The first address of each range in the place of the next one. Empty where the runtime, or a
// program, will say which.
lease::Lease sample_lease(const config::Ipam& ipam) {
  lease::Lease lease;
  if (ipam.host_local) {
    lease.routes = ipam.host_local->routes;
    for (const auto& set : ipam.host_local->sets) {
      const ipam::Range& range = set.front();
      lease.ips.push_back({.address = base::IpPrefix(range.first, range.subnet.length()),
                           .gateway = range.gateway,
                           .interface = std::nullopt});
    }
  }
  if (ipam.fixed) {
    lease.routes = ipam.fixed->routes;
    for (const auto& each : ipam.fixed->addresses) {
      lease.ips.push_back(
          {.address = each.address, .gateway = each.gateway, .interface = std::nullopt});
    }
  }
  return lease;
}

// What an ADD would make of the host's links, and find in its way.
void require_links(const cni::Request& request, const config::Network& network,
                   const Settings& settings) {
  netlink::Socket host;
  auto plan = plan_links(request, network, find_mtu(host, network));
  const lease::Lease lease = sample_lease(network.ipam);
  if (!lease.ips.empty()) plan_addresses(network, lease, plan);
  require_ipv6_for(plan);
  steps::foresee_bridge(host, plan);
  steps::foresee_gateways(host, plan);
  if (plan.bridge_port) look_for_free_port(host, plan.bridge_port->bridge, settings);
}

// What of the configuration is made of nftables rules for every container.
std::vector<std::string> find_rules(const config::Network& network) {
  std::vector<std::string> found;
  const config::Rules& rules = network.rules;
  if (rules.masquerade.ipv4 || rules.masquerade.ipv6) found.emplace_back("masquerade");
  if (rules.isolation != config::Isolation::kOpen) found.emplace_back("isolation");
  if (rules.check_mac || rules.check_address) found.emplace_back("anti-spoofing");
  if (network.ports) found.emplace_back("host ports");
  return found;
}

// Their DELs will come with the new name, and their addresses are given again meanwhile.
void report_former_names(const cni::Request& request, const Settings& settings) {
  const attachment::RecordStore records(settings.state_directory);
  for (const auto& [name, count] : count_former_names(records, request))
    settings.report("STATUS: network " + name + " has " + std::to_string(count) +
                    " attachments with addresses that network " + request.network +
                    " gives, too; if that is its new name, give it the former one back until their "
                    "containers are gone");
}

}  // namespace

// Besides the socket itself, that the kernel answers.
void require_netlink() {
  netlink::Socket host;
  (void)netlink::find_link(host, "lo");
}

void require_nftables(const std::vector<std::string>& rules) {
  std::string features;
  for (const auto& rule : rules) features += (features.empty() ? "" : ", ") + rule;
  try {
    (void)ruleset::open_nftables();
  } catch (const netlink::Error& error) {
    throw cni::Error(cni::Code::kNotReady,
                     "nftables is needed for " + features + ": " + error.what());
  }
}

void look_for_nftables_of_ports(const Settings& settings) {
  try {
    require_nftables({"host ports"});
  } catch (const cni::Error& error) {
    settings.report(std::string("STATUS: containers with host ports will fail: ") + error.what());
  }
}

void Readiness::require(const std::function<void()>& check) {
  try {
    check();
  } catch (const cni::Error& error) {
    is_impaired_ |= error.code() == static_cast<unsigned>(cni::Code::kNotReadyAndImpaired);
    remember(error.what());
  } catch (const std::exception& error) {
    remember(error.what());
  }
}

void Readiness::remember(const std::string& problem) {
  problems_ += (problems_.empty() ? "" : "; ") + problem;
}

void Readiness::throw_if_not() const {
  if (problems_.empty()) return;
  throw cni::Error(is_impaired_ ? cni::Code::kNotReadyAndImpaired : cni::Code::kNotReady,
                   problems_);
}

void require_ready(const cni::Request& request, const config::Network& network,
                   const Settings& settings) {
  Readiness readiness;
  readiness.require(require_netlink);
  readiness.require([&] { base::require_writable(settings.state_directory); });
  const auto rules = find_rules(network);
  if (!rules.empty()) {
    readiness.require([&] { require_nftables(rules); });
  } else if (network.offers_ports) {
    look_for_nftables_of_ports(settings);
  }
  readiness.require([&] { require_links(request, network, settings); });
  readiness.require([&] {
    lease::require_ready(request, network.ipam,
                         {.state_directory = settings.state_directory, .report = settings.report});
  });
  readiness.throw_if_not();
  report_former_names(request, settings);
}

}  // namespace operations
