#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plugin/config/network.h"
#include "plugin/config/network_list.h"
#include "plugin/operator/command.h"

namespace tool {

/// Where network configurations are: --conf-dir, else NETCONFPATH as cnitool has it, else
/// /etc/cni/net.d.
inline constexpr Option kConfigurationsOption = {
    .name = "conf-dir",
    .value = "DIR",
    .meaning = "of network configurations; /etc/cni/net.d unless given"};
[[nodiscard]] std::string configuration_directory(const Call& call);

/// Where plugins are: --plugin-dir, else CNI_PATH, else /opt/cni/bin.
inline constexpr Option kPluginsOption = {
    .name = "plugin-dir", .value = "DIR", .meaning = "of plugins; /opt/cni/bin unless given"};
[[nodiscard]] std::string plugin_path(const Call& call);

/// One file of the directory, in the order of names, which is the runtimes'.
struct ConfigurationFile {
  std::string path;
  std::optional<config::NetworkList> list;
  std::string problem;  // why there is no list
};
[[nodiscard]] std::vector<ConfigurationFile> read_configurations(const std::string& directory);
/// With the plugins in NAME/*.conf beside it, as libcni has them. Throws as parse_network_list, and
/// base::SystemError; absent where there is no such file.
[[nodiscard]] std::optional<config::NetworkList> read_network_list(const std::string& path);

/// The directories that host-local reserves in, of all configurations and the usual one, and those
/// of the pools that they name, each once.
[[nodiscard]] std::vector<std::string> reservation_directories(
    const std::vector<ConfigurationFile>& files);

/// The request that an operation with this input would be, for who reads a configuration.
[[nodiscard]] cni::Request request_of(const config::NetworkList& list,
                                      const config::ListedPlugin& plugin);
/// The configuration of a type of ours that makes an interface; absent for any other. Throws as
/// config::parse_patchcord.
[[nodiscard]] std::optional<config::Network> network_of(const cni::Request& request);

/// The names in a directory, sorted, without "." and ".."; none where it cannot be read.
[[nodiscard]] std::vector<std::string> names_in(const std::string& path);
/// The numbers of the processes that can be seen, as they are in /proc.
[[nodiscard]] std::vector<std::string> processes();

}  // namespace tool
