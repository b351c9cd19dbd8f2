// doctor's conditions of configurations: unreadable, plugins missing, pools full.
#include <algorithm>

#include "netlink/address.h"
#include "netlink/route.h"
#include "plugin/config/network.h"
#include "plugin/operator/chain.h"
#include "plugin/operator/commands/doctor/doctor.h"
#include "plugin/operator/reservations.h"

namespace tool {
namespace {

void look_at_files(const Patient& patient, Diagnoses& found) {
  if (patient.files.empty()) {
    found.push_back({.name = "no-configuration",
                     .is_error = true,
                     .text = "there is no network configuration in " + patient.configurations +
                             ": a runtime calls the node not ready",
                     .remedy = "put a .conflist there; conf-examples has some to begin with"});
  }
  for (const auto& file : patient.files) {
    if (file.list) continue;
    found.push_back({.name = "configuration-unreadable",
                     .is_error = true,
                     .text = file.path + ": " + file.problem,
                     .remedy = "mend it, and see what `patchcord validate` says; until then "
                               "runtimes pass it over or fail"});
  }
}

void look_for_plugins(const Patient& patient, Diagnoses& found) {
  for (const auto& file : patient.files) {
    if (!file.list) continue;
    std::vector<std::string> types;
    for (const auto& plugin : file.list->plugins) {
      types.push_back(plugin.type);
      const auto place = config::find_ipam_place(request_of(*file.list, plugin));
      const bool own = config::is_host_local(place.type) || config::is_static(place.type);
      if (!place.type.empty() && !own) types.push_back(place.type);
    }
    for (const auto& type : types) {
      if (find_plugin(patient.plugin_path, type)) continue;
      found.push_back({.name = "plugin-missing",
                       .is_error = true,
                       .text = file.path + " needs the plugin " + type + ", which is not in " +
                               patient.plugin_path,
                       .remedy = "install it; `patchcord install` brings those that are ours"});
    }
  }
}

Subnet subnet_of(const ConfigurationFile& file, const config::ListedPlugin& plugin,
                 const config::HostLocal& ipam, const ipam::RangeSet& set) {
  Subnet subnet{.network = file.list->name,
                .path = file.path,
                .prefix = set.front().subnet.network(),
                .bridge = "",
                .size = 0,
                .ranges = {},
                .data_directory = ipam.data_directory};
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62;  // sums of some of them fit, too
  subnet.size = std::min(ipam::capacity(set), kMost);
  for (const auto& range : set) subnet.ranges.emplace_back(range.first, range.last);
  const auto request = request_of(*file.list, plugin);
  if (const auto bridge = request.config().text("bridge")) subnet.bridge = *bridge;
  return subnet;
}

void look_at_pools(const std::vector<Subnet>& subnets, Diagnoses& found) {
  for (const auto& subnet : subnets) {
    const std::uint64_t used = used_of(subnet);
    if (subnet.size == 0 || used < subnet.size - subnet.size / 10) continue;
    found.push_back({.name = "pool-nearly-empty",
                     .is_error = used >= subnet.size,
                     .text = "network " + subnet.network + " has given " + std::to_string(used) +
                             " of the " + std::to_string(subnet.size) + " addresses of " +
                             subnet.prefix.to_string(),
                     .remedy = "a larger subnet or one more range; `patchcord gc --dry-run` shows "
                               "what the dead still hold"});
  }
}

void look_for_overlaps(const std::vector<Subnet>& subnets, Diagnoses& found) {
  for (auto left = subnets.begin(); left != subnets.end(); ++left) {
    for (auto right = left + 1; right != subnets.end(); ++right) {
      if (left->network == right->network || !left->prefix.overlaps(right->prefix)) continue;
      found.push_back({.name = "subnets-overlap",
                       .is_error = true,
                       .text = "networks " + left->network + " and " + right->network +
                               " give addresses of " + left->prefix.to_string() + " and " +
                               right->prefix.to_string() + ", which overlap",
                       .remedy = "give one of them another subnet"});
    }
  }
}

// A bridge that has the network's gateway address and is none of its own by now was made for it
// when it had another mode, or another bridge. Empty for any other link.
std::string remedy_of_former_bridge(const Patient& patient, const Subnet& subnet,
                                    const netlink::Link& link) {
  if (link.kind != "bridge") return "";
  const auto seen = netlink::addresses_of(patient.node.socket(), link);
  const bool has_gateway = std::any_of(seen.begin(), seen.end(), [&](const auto& address) {
    return address.prefix.network() == subnet.prefix &&
           address.prefix.address() == subnet.prefix.address().next();
  });
  if (!has_gateway) return "";
  const auto ports = netlink::ports_of(patient.node.socket(), link.index).size();
  const std::string remove = "ip link del " + link.name;
  if (ports == 0) return remove + ": a former configuration of the network left it";
  return "a former configuration of the network left it; when the containers on it are gone (" +
         std::to_string(ports) + (ports == 1 ? " port" : " ports") + "), " + remove;
}

// A route of the host's into the subnet that does not lead to its containers takes them away.
void look_for_conflicting_routes(const Patient& patient, const std::vector<Subnet>& subnets,
                                 Diagnoses& found) {
  for (const auto& subnet : subnets) {
    const auto route =
        netlink::match_route(patient.node.socket(), subnet.prefix.network().address().next());
    if (!route || route->destination.is_default() || !route->destination.overlaps(subnet.prefix))
      continue;
    const auto* link = patient.node.find(route->out_link);
    const bool own = link == nullptr || link->name == "lo" || link->name == subnet.bridge ||
                     link->kind == "veth" || link->name.starts_with(subnet.bridge + ".");
    if (own) continue;
    const std::string former = remedy_of_former_bridge(patient, subnet, *link);
    found.push_back({.name = "route-conflict",
                     .is_error = true,
                     .text = "the node routes " + route->destination.to_string() + " through " +
                             link->name + ", and network " + subnet.network +
                             " gives addresses of " + subnet.prefix.to_string(),
                     .remedy = former.empty()
                                   ? "give the network another subnet, or remove the route"
                                   : former});
  }
}

}  // namespace

std::vector<Subnet> subnets_of(const std::vector<ConfigurationFile>& files) {
  std::vector<Subnet> subnets;
  for (const auto& file : files) {
    if (!file.list) continue;
    for (const auto& plugin : file.list->plugins) {
      try {
        const cni::Request request = request_of(*file.list, plugin);
        const bool is_routed = request.config().text("mode") == "routed";
        const auto ipam =
            config::parse_ipam(request, is_routed ? config::Mode::kRouted : config::Mode::kBridge);
        if (!ipam.host_local) continue;
        for (const auto& set : ipam.host_local->sets) {
          if (!set.empty()) subnets.push_back(subnet_of(file, plugin, *ipam.host_local, set));
        }
      } catch (const std::exception&) {
        // `validate` says what is wrong with it; here it has no subnets.
      }
    }
  }
  return subnets;
}

std::uint64_t used_of(const Subnet& subnet) {
  std::uint64_t used = 0;
  for (const auto& name : names_in(subnet.data_directory + "/" + subnet.network)) {
    const auto address = base::IpAddress::parse(name);
    if (!address) continue;
    for (const auto& [first, last] : subnet.ranges) {
      if (first <= *address && *address <= last) ++used;
    }
  }
  return used;
}

void look_at_configurations(const Patient& patient, Diagnoses& found) {
  look_at_files(patient, found);
  look_for_plugins(patient, found);
  const auto subnets = subnets_of(patient.files);
  look_at_pools(subnets, found);
  look_for_overlaps(subnets, found);
  look_for_conflicting_routes(patient, subnets, found);
}

}  // namespace tool
