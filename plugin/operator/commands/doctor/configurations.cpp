// doctor's conditions of configurations: unreadable, plugins missing, pools full.
#include <algorithm>

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
                               "what the dead still hold",
                     .command = "",
                     .about = {subnet.network}});
  }
}

// Of both families it is one cause.
void tell_overlap(const Subnet& left, const Subnet& right, Diagnoses& found) {
  const std::string networks = "networks " + left.network + " and " + right.network;
  const std::string subnets = left.prefix.to_string() + " and " + right.prefix.to_string();
  const auto same = std::find_if(found.begin(), found.end(), [&](const Diagnosis& each) {
    return each.name == "subnets-overlap" && each.text.starts_with(networks + " ");
  });
  if (same != found.end()) {
    same->text += "; " + subnets + " do, too";
    return;
  }
  found.push_back(
      {.name = "subnets-overlap",
       .is_error = true,
       .text = networks + " give addresses of " + subnets + ", which overlap",
       .remedy = "give one of them another subnet, in " + left.path + " or " + right.path,
       .command = "",
       .about = {left.network, right.network}});
}

void look_for_overlaps(const std::vector<Subnet>& subnets, Diagnoses& found) {
  for (auto left = subnets.begin(); left != subnets.end(); ++left) {
    for (auto right = left + 1; right != subnets.end(); ++right) {
      if (left->network != right->network && left->prefix.overlaps(right->prefix))
        tell_overlap(*left, *right, found);
    }
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
}

}  // namespace tool
