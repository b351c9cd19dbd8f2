#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plugin/operator/arguments.h"

/// Where the container runtimes of this node look for plugins and networks, by their own
/// configuration.
namespace tool {

inline constexpr std::string_view kUsualPlugins = "/opt/cni/bin";
inline constexpr std::string_view kUsualConfigurations = "/etc/cni/net.d";

struct Runtime {
  std::string name;                   // "containerd"
  std::string file;                   // that says so
  std::vector<std::string> plugins;   // directories, in the order in which it looks
  std::vector<std::string> networks;  // directories
  std::string problem;                // why the file, or one that it imports, cannot be read
};

/// By the configuration files that there are, and those that a containerd that runs was started
/// with. Runtimes without any look in the usual places, and are not among them.
[[nodiscard]] std::vector<Runtime> find_runtimes();

/// The directories in which each runtime finds what is there: the usual one, and of each runtime
/// that does not look there the first that it looks into.
[[nodiscard]] std::vector<std::string> plugin_directories(const std::vector<Runtime>& runtimes);
/// The same of networks, without the usual one where every runtime has others.
[[nodiscard]] std::vector<std::string> network_directories(const std::vector<Runtime>& runtimes);

/// For a command that is to work on another root directory, as a node's from within a container.
inline constexpr Option kRootOption = {
    .name = "root", .value = "DIR", .meaning = "the node's root directory; / unless given"};
/// Makes it this process' root.
void enter_root(const std::optional<std::string>& directory);

}  // namespace tool
