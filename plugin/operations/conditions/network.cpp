#include "plugin/operations/conditions/network.h"

#include <functional>

#include "base/file.h"
#include "netlink/link.h"
#include "plugin/cni/error.h"
#include "plugin/lease/lease.h"
#include "plugin/operations/shared/ipv6.h"
#include "plugin/operations/shared/mtu.h"
#include "plugin/operations/shared/plan.h"
#include "plugin/operations/status.h"
#include "plugin/ruleset/kernel.h"
#include "plugin/steps/step.h"

namespace conditions {
namespace {

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

// Addresses on the internet; nobody is asked but the kernel, which way they are.
constexpr std::string_view kElsewhere4 = "1.1.1.1";
constexpr std::string_view kElsewhere6 = "2001:4860:4860::8888";

void add_matches(netlink::Socket& host, const base::IpAddress& address,
                 std::vector<netlink::Route>& routes) {
  for (auto& route : netlink::match_routes(host, address)) {
    const bool known = std::any_of(routes.begin(), routes.end(), [&](const auto& each) {
      return each.destination == route.destination && each.out_link == route.out_link;
    });
    if (!known) routes.push_back(std::move(route));
  }
}

std::vector<netlink::Route> find_routes(netlink::Socket& host, const Subject& subject,
                                        Asker asker) {
  std::vector<netlink::Route> routes;
  for (const auto family : {base::Family::kIpv4, base::Family::kIpv6}) {
    const bool concerned = attachment::has_family(subject.plan, family);
    if (!concerned) continue;
    if (asker == Asker::kPerson) {
      auto all = netlink::main_routes(host, family);
      routes.insert(routes.end(), all.begin(), all.end());
    }
    add_matches(host,
                *base::IpAddress::parse(family == base::Family::kIpv4 ? kElsewhere4 : kElsewhere6),
                routes);
  }
  for (const auto& set : subject.pool) {
    for (const auto& range : set) {
      add_matches(host, range.first, routes);
      add_matches(host, range.last, routes);
    }
  }
  return routes;
}

std::string find_uplink(netlink::Socket& host, const std::vector<netlink::Route>& routes) {
  for (const auto& route : routes) {
    if (!route.destination.is_default()) continue;
    if (const auto link = netlink::find_link(host, route.out_link)) return link->name;
  }
  return {};
}

using Check = std::function<void()>;

/// What an ADD would be refused for says so itself.
void look(Diagnoses& found, std::string_view name, const std::string& network, const Check& check) {
  const auto add = [&](const char* text, const std::string& remedy) {
    found.push_back(
        {.name = std::string(name),
         .is_error = true,
         .text = text,
         .remedy = remedy.empty() ? "mend it; no container is connected until then" : remedy,
         .about = {network}});
  };
  try {
    check();
  } catch (const cni::Error& error) {
    add(error.what(), error.details());
  } catch (const std::exception& error) {
    add(error.what(), "");
  }
}

// A port is free again when a container goes, so this is no error of STATUS.
void look_for_free_port(const Subject& subject, Diagnoses& found) {
  if (!subject.plan.bridge_port) return;
  const auto bridge = netlink::find_link(subject.host, subject.plan.bridge_port->bridge);
  if (!bridge || bridge->kind != "bridge") return;  // the first ADD makes it
  const auto ports = netlink::ports_of(subject.host, bridge->index).size();
  auto diagnosis = look_at_number_of_ports(bridge->name, ports);
  if (!diagnosis) return;
  diagnosis->about = {subject.network};
  found.push_back(*std::move(diagnosis));
}

// What of the configuration is made of nftables rules for every container.
std::string features_of(const config::Network& network) {
  std::string found;
  const auto add = [&](bool is_wanted, const char* name) {
    if (is_wanted) found += (found.empty() ? "" : ", ") + std::string(name);
  };
  const config::Rules& rules = network.rules;
  add(rules.masquerade.ipv4 || rules.masquerade.ipv6, "masquerade");
  add(rules.isolation != config::Isolation::kOpen, "isolation");
  add(rules.check_mac || rules.check_address, "anti-spoofing");
  add(network.ports.has_value(), "host ports");
  return found;
}

void look_at_nftables(const config::Network& network, const std::string& name, Diagnoses& found) {
  const std::string features = features_of(network);
  if (features.empty() && !network.offers_ports) return;
  try {
    (void)ruleset::open_nftables();
  } catch (const netlink::Error& error) {
    found.push_back(
        {.name = "nftables-missing",
         .is_error = !features.empty(),
         .text = (features.empty() ? "containers with host ports will fail: nftables is needed for "
                                     "host ports: "
                                   : "nftables is needed for " + features + ": ") +
                 std::string(error.what()),
         .remedy = "load nf_tables, or use a kernel with CONFIG_NF_TABLES",
         .about = {name}});
  }
}

}  // namespace

Subject make_subject(netlink::Socket& host, const cni::Request& request,
                     const config::Network& network, Asker asker) {
  Subject subject{
      .host = host,
      .network = request.network,
      .plan = operations::plan_links(request, network, operations::find_mtu(host, network)),
      .host_prefix = network.host_interface_prefix};
  const lease::Lease lease = sample_lease(network.ipam);
  if (!lease.ips.empty()) operations::plan_addresses(network, lease, subject.plan);
  if (network.ipam.host_local) subject.pool = network.ipam.host_local->sets;
  subject.routes = find_routes(host, subject, asker);
  subject.uplink = find_uplink(host, subject.routes);
  return subject;
}

std::optional<Diagnosis> look_at_number_of_ports(const std::string& bridge, std::size_t ports) {
  constexpr std::size_t kMostPorts = 1023;  // BR_MAX_PORTS - 1: port 0 is none
  constexpr std::size_t kManyPorts = kMostPorts * 9 / 10;
  if (ports < kManyPorts) return std::nullopt;
  return Diagnosis{.name = "bridge-nearly-full",
                   .is_error = ports >= kMostPorts,
                   .text = "bridge " + bridge + " has " + std::to_string(ports) +
                           " of the 1023 ports that the kernel gives a bridge",
                   .remedy =
                       "mode routed, which has no such limit, or one more network with a "
                       "bridge of its own",
                   .command = {}};
}

Diagnoses look_at_network(const cni::Request& request, const config::Network& network,
                          const operations::Settings& settings, Asker asker) {
  Diagnoses found;
  const std::string& name = request.network;
  look(found, "netlink-missing", name, operations::require_netlink);
  look(found, "state-unwritable", name, [&] { base::require_writable(settings.state_directory); });
  look_at_nftables(network, name, found);
  look(found, "addresses-unavailable", name, [&] {
    netlink::Socket host;
    const Subject subject = make_subject(host, request, network, asker);
    look(found, "ipv6-off", name, [&] { operations::require_ipv6_for(subject.plan); });
    look(found, "bridge-unusable", name, [&] { steps::foresee_bridge(host, subject.plan); });
    look(found, "bridge-shared", name, [&] { steps::foresee_gateways(host, subject.plan); });
    look_for_free_port(subject, found);
    look_at_pool(subject, found);
    look_at_filters(subject, found);
  });
  if (network.ipam.host_local) {
    look(found, "addresses-unavailable", name, [&] {
      lease::require_ready(
          request, network.ipam,
          {.state_directory = settings.state_directory, .report = settings.report});
    });
  }
  return found;
}

}  // namespace conditions
