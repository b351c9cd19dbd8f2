#include "plugin/operator/files.h"

#include <algorithm>
#include <memory>

#include <dirent.h>

#include "base/error.h"
#include "base/file.h"
#include "plugin/cni/object.h"
#include "plugin/config/network.h"
#include "plugin/config/pool.h"
#include "plugin/operator/runtimes.h"

namespace tool {
namespace {

constexpr std::string_view kUsualReservations = "/var/lib/cni/networks";

std::string choose(const Call& call, const Option& option, std::string_view variable,
                   std::string_view usual) {
  if (const auto given = call.arguments.value(option.name)) return *given;
  const std::string set = call.environment.get(variable);
  return set.empty() ? std::string(usual) : set;
}

ConfigurationFile read_configuration(const std::string& path) {
  ConfigurationFile file{.path = path, .list = std::nullopt, .problem = ""};
  try {
    file.list = read_network_list(path);
    if (!file.list) file.problem = "is gone";
  } catch (const std::exception& error) {
    file.problem = error.what();
  }
  return file;
}

}  // namespace

std::string configuration_directory(const Call& call) {
  return choose(call, kConfigurationsOption, "NETCONFPATH", kUsualConfigurations);
}

std::string plugin_path(const Call& call) {
  return choose(call, kPluginsOption, "CNI_PATH", kUsualPlugins);
}

std::optional<config::NetworkList> read_network_list(const std::string& path) {
  const auto text = base::read_file(path, cni::kLongestDocument);
  if (!text) return std::nullopt;
  const std::size_t slash = path.rfind('/');
  const std::string beside = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  return config::parse_network_list(*text, [&](const std::string& network) {
    std::vector<std::string> further;
    for (const auto& name : names_in(beside + network)) {
      if (!name.ends_with(".conf")) continue;
      std::string file = beside + network;
      file += "/" + name;
      if (auto plugin = base::read_file(file, cni::kLongestDocument))
        further.push_back(std::move(*plugin));
    }
    return further;
  });
}

std::vector<ConfigurationFile> read_configurations(const std::string& directory) {
  std::vector<ConfigurationFile> files;
  for (const auto& name : names_in(directory)) {
    if (config::is_configuration_file(name))
      files.push_back(read_configuration(directory + "/" + name));
  }
  return files;
}

std::vector<std::string> reservation_directories(const std::vector<ConfigurationFile>& files) {
  std::vector<std::string> directories{std::string(kUsualReservations)};
  for (const auto& file : files) {
    if (!file.list) continue;
    for (const auto& plugin : file.list->plugins) {
      const auto place = config::find_ipam_place(request_of(*file.list, plugin));
      if (!config::is_host_local(place.type)) continue;
      std::vector<std::string> named{place.data_directory};
      for (const auto& pool : place.pools) named.push_back(pool.directory);
      for (const auto& directory : named) {
        if (std::find(directories.begin(), directories.end(), directory) == directories.end())
          directories.push_back(directory);
      }
    }
  }
  return directories;
}

// Of this process: requests that nobody made are for it.
std::string pools_directory() {
  static const std::string directory = config::pools_directory_of(cni::Environment::of_process());
  return directory;
}

cni::Request request_of(const config::NetworkList& list, const config::ListedPlugin& plugin) {
  return cni::read_request(cni::Environment({{"CNI_COMMAND", "ADD"},
                                             {"CNI_CONTAINERID", "patchcord"},
                                             {"CNI_NETNS", "/proc/self/ns/net"},
                                             {"CNI_IFNAME", "eth0"},
                                             {"PATCHCORD_POOLS_DIR", pools_directory()}}),
                           config::plugin_input(list, plugin, {}));
}

std::optional<config::Network> network_of(const cni::Request& request) {
  const std::string type = request.config().text("type").value_or("");
  if (type == "patchcord") return config::parse_patchcord(request);
  if (type == "bridge") return config::parse_bridge(request);
  if (type == "ptp") return config::parse_ptp(request);
  return std::nullopt;
}

std::vector<std::string> names_in(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(path.c_str()), ::closedir);
  std::vector<std::string> names;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else has this stream
  while (const dirent* entry = stream ? ::readdir(stream.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> processes() {
  auto names = names_in("/proc");
  std::erase_if(names, [](const std::string& name) {
    return name.find_first_not_of("0123456789") != std::string::npos;
  });
  return names;
}

}  // namespace tool
