#include "plugin/operator/advice.h"

#include <algorithm>

#include "plugin/cni/error.h"
#include "plugin/cni/nearest.h"
#include "plugin/cni/object.h"
#include "plugin/config/firewall.h"
#include "plugin/config/keys.h"
#include "plugin/config/network.h"
#include "plugin/config/unread_keys.h"
#include "plugin/operator/commands/doctor/doctor.h"
#include "plugin/operator/files.h"

namespace tool {
namespace {

// Whether it is a type whose keys we know; `notes` gets what its ADD would say.
bool read(const cni::Request& request, const std::string& type, std::vector<std::string>& notes) {
  if (type == "patchcord") {
    notes = config::parse_patchcord(request).notes;
  } else if (type == "bridge") {
    notes = config::parse_bridge(request).notes;
  } else if (type == "ptp") {
    notes = config::parse_ptp(request).notes;
  } else if (type == "portmap") {
    if (const auto ports = config::read_ports(request.config())) notes = ports->notes;
  } else if (type == "bandwidth") {
    (void)config::parse_bandwidth(request);
  } else if (type == "tuning") {
    (void)config::parse_tuning(request);
  } else if (type == "firewall") {
    (void)config::read_firewall(request.config());
  } else {
    return false;
  }
  return true;
}

std::string sentence_on(const std::string& path, const std::string& nearest) {
  return path + ": nobody reads this key" + (nearest.empty() ? "" : "; is " + nearest + " meant?");
}

bool is_delegates(const cni::Request& request, const std::string& path) {
  const auto place = config::find_ipam_place(request);
  return path.starts_with("ipam.") && !config::is_host_local(place.type) &&
         !config::is_static(place.type);
}

void add_unread(const cni::Request& request, const config::ListedPlugin& plugin,
                const cni::Reading& reading, std::vector<std::string>& notes) {
  for (const auto& key : config::find_unread_keys(plugin.text, reading)) {
    if (!is_delegates(request, key.path)) notes.push_back(sentence_on(key.path, key.nearest));
  }
}

}  // namespace

std::vector<std::string> advice_on(const config::NetworkList& list,
                                   const config::ListedPlugin& plugin) {
  std::vector<std::string> notes;
  const cni::Reading reading;
  const cni::Request request = request_of(list, plugin);
  if (read(request, plugin.type, notes)) add_unread(request, plugin, reading, notes);
  return notes;
}

std::vector<std::string> unread_keys_of(const config::NetworkList& list,
                                        const config::ListedPlugin& plugin) {
  std::vector<std::string> notes;
  try {
    std::vector<std::string> said;  // by the ADD itself
    const cni::Reading reading;
    const cni::Request request = request_of(list, plugin);
    if (read(request, plugin.type, said)) add_unread(request, plugin, reading, notes);
  } catch (const cni::Error&) {
    return {};
  }
  return notes;
}

std::vector<std::string> advice_on(const Call& call, const config::NetworkList& list) {
  std::vector<std::string> notes;
  for (const auto& key : list.unknown)
    notes.push_back(sentence_on(key, cni::nearest(key, config::keys_of_list())));
  auto files = read_configurations(configuration_directory(call));
  std::erase_if(files,
                [&](const auto& file) { return !file.list || file.list->name == list.name; });
  const auto others = subnets_of(files);
  for (const auto& own : subnets_of({{.path = "", .list = list, .problem = ""}})) {
    for (const auto& other : others) {
      if (!own.prefix.overlaps(other.prefix)) continue;
      notes.push_back(own.prefix.to_string() + " overlaps " + other.prefix.to_string() +
                      " of network " + other.network + " (" + other.path +
                      "): an address may be given twice");
    }
  }
  return notes;
}

}  // namespace tool
