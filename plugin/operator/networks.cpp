#include "plugin/operator/networks.h"

#include <algorithm>
#include <set>

#include "plugin/operator/commands/doctor/doctor.h"

namespace tool {
namespace {

std::string mode_of(const config::NetworkList& list) {
  const auto& first = list.plugins.front();
  if (first.type != "patchcord") return first.type;
  try {
    return request_of(list, first).config().text("mode").value_or("bridge");
  } catch (const std::exception&) {
    return first.type;
  }
}

NetworkLine line_of(const ConfigurationFile& file, const std::vector<Subnet>& subnets) {
  NetworkLine line{.name = file.list->name, .file = file.path, .mode = mode_of(*file.list)};
  for (const auto& plugin : file.list->plugins) line.types.push_back(plugin.type);
  for (const auto& subnet : subnets) {
    if (subnet.path != file.path) continue;
    line.subnets.push_back(subnet.prefix.to_string());
    line.size += subnet.size;
    line.used += used_of(subnet);
  }
  return line;
}

// A container with several interfaces is one.
std::size_t count_containers(const std::vector<Sighting>& sightings, const std::string& network) {
  std::set<std::string> containers;
  for (const auto& each : sightings) {
    if (each.attachment.key.network == network) containers.insert(each.attachment.key.container_id);
  }
  return containers.size();
}

}  // namespace

std::vector<NetworkLine> networks_of(const std::vector<ConfigurationFile>& files,
                                     const std::vector<Sighting>& sightings) {
  std::vector<NetworkLine> lines;
  const auto subnets = subnets_of(files);
  for (const auto& file : files) {
    if (file.list) lines.push_back(line_of(file, subnets));
  }
  for (const auto& each : sightings) {
    const auto& network = each.attachment.key.network;
    const bool is_known =
        network.empty() || std::any_of(lines.begin(), lines.end(),
                                       [&](const auto& line) { return line.name == network; });
    if (!is_known) {
      const auto mode = tool::mode_of(each.attachment);
      lines.push_back({.name = network, .mode = mode.empty() ? "-" : std::string(mode)});
    }
  }
  for (auto& line : lines) line.containers = count_containers(sightings, line.name);
  return lines;
}

}  // namespace tool
