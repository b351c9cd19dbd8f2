#include "plugin/operator/runtimes.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>

#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "netlink/netns.h"
#include "plugin/operator/files.h"
#include "plugin/operator/toml.h"

namespace tool {
namespace {

constexpr std::size_t kLongestFile = 4U << 20;
constexpr std::string_view kSnapData = "/var/snap/microk8s/current";

using Directories = std::vector<std::string>;

// What a file says of one runtime; absent what it does not say.
struct Said {
  std::optional<Directories> plugins;
  std::optional<Directories> networks;
};

// As runtimes compare them: without what does not matter. microk8s has a variable in its paths.
std::string tidy(std::string path) {
  for (const std::string_view variable : {"${SNAP_DATA}", "$SNAP_DATA"}) {
    if (path.starts_with(variable)) path.replace(0, variable.size(), kSnapData);
  }
  std::string result;
  for (const char c : path) {
    if (c != '/' || !result.ends_with('/')) result += c;
  }
  while (result.size() > 1 && result.ends_with('/')) result.pop_back();
  return result;
}

// The first of the keys that says anything.
std::optional<Directories> directories_at(const Toml& document, const TomlPath& table,
                                          std::initializer_list<std::string_view> keys) {
  for (const auto& key : keys) {
    TomlPath path = table;
    path.emplace_back(key);
    const auto* value = find_toml(document, path);
    if (value == nullptr) continue;
    Directories found;
    for (const auto& text : value->texts) {
      if (!text.empty()) found.push_back(tidy(text));
    }
    if (!found.empty()) return found;
  }
  return std::nullopt;
}

std::optional<Toml> read_toml(const std::string& path, std::string& problem) {
  try {
    const auto text = base::read_file(path, kLongestFile);
    if (text) return parse_toml(*text);
  } catch (const std::exception& error) {
    problem = path + ": " + error.what();
  }
  return std::nullopt;
}

std::string parent_of(const std::string& path) {
  return path.substr(0, path.rfind('/') + 1);
}

// "*" stands for anything, as it does where such files are named; fnmatch(3) would make the program
// 30 kB larger.
bool is_like(std::string_view name, std::string_view pattern) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return name == pattern;
  if (name.substr(0, star) != pattern.substr(0, star)) return false;
  const auto rest = pattern.substr(star + 1);
  for (auto at = star; at <= name.size(); ++at) {
    if (is_like(name.substr(at), rest)) return true;
  }
  return false;
}

// A name may have wildcards, its directory not.
Directories files_like(const std::string& pattern) {
  const std::string directory = parent_of(pattern);
  Directories found;
  for (const auto& name : names_in(directory)) {
    if (!name.starts_with('.') && is_like(name, pattern.substr(directory.size())))
      found.push_back(directory + name);
  }
  return found;
}

// -- containerd: imports come behind the file that names them, and replace tables of plugins whole
// or merge them, by its version.

struct Containerd {
  std::vector<Runtime> found;  // more than one where versions disagree
  std::set<std::string> read;
  std::string version = "1";
  bool is_off = false;  // it serves no pods
  std::string problem;
};

// Where the directories are, by the version of the file.
TomlPath containerd_table(const std::string& version) {
  const char* plugin = version == "1"   ? "cri"
                       : version == "2" ? "io.containerd.grpc.v1.cri"
                                        : "io.containerd.cri.v1.runtime";
  return {"plugins", plugin};
}

void apply_containerd(const Toml& document, const std::string& path, Containerd& state) {
  if (const auto* version = find_toml(document, {"version"})) state.version = version->texts.at(0);
  const TomlPath plugin = containerd_table(state.version);
  if (const auto* off = find_toml(document, {"disabled_plugins"})) {
    state.is_off |= std::any_of(off->texts.begin(), off->texts.end(), [&](const auto& name) {
      return name == "cri" || name == "io.containerd.grpc.v1.cri" || name == plugin.back();
    });
  }
  if (!has_toml_table(document, plugin) && !state.found.empty()) return;
  TomlPath cni = plugin;
  cni.emplace_back("cni");
  const auto plugins = directories_at(document, cni, {"bin_dirs", "bin_dir"});
  const auto networks = directories_at(document, cni, {"conf_dir"});
  const Runtime before = state.found.empty() ? Runtime{} : state.found.back();
  const auto make = [&](const Directories& otherwise, const Directories& other_networks) {
    state.found.push_back({.name = "containerd",
                           .file = path,
                           .plugins = plugins.value_or(otherwise),
                           .networks = networks.value_or(other_networks),
                           .problem = ""});
  };
  const Directories usual{std::string(kUsualPlugins)};
  const Directories usual_networks{std::string(kUsualConfigurations)};
  state.found.clear();
  make(usual, usual_networks);
  const bool is_import = !before.name.empty();
  if (is_import && !(plugins && networks)) make(before.plugins, before.networks);
}

void read_containerd(const std::string& path, Containerd& state) {
  if (!state.read.insert(path).second) return;
  const auto document = read_toml(path, state.problem);
  if (!document) return;
  apply_containerd(*document, path, state);
  const auto* imports = find_toml(*document, {"imports"});
  if (imports == nullptr) return;
  for (const auto& text : imports->texts) {
    const std::string pattern = text.starts_with('/') ? text : parent_of(path) + text;
    for (const auto& file : files_like(pattern)) read_containerd(file, state);
  }
}

void add_containerd(const std::string& path, std::vector<Runtime>& found) {
  Containerd state;
  read_containerd(path, state);
  if (state.is_off) return;
  if (state.found.empty() && !state.problem.empty())
    state.found.push_back(
        {.name = "containerd", .file = path, .plugins = {}, .networks = {}, .problem = ""});
  for (auto& each : state.found) {
    each.problem = state.problem;
    found.push_back(std::move(each));
  }
}

// One in a container, as the nodes of kind are, or of a test's node, has a network of its own.
bool is_on_this_node(const std::string& process) {
  const auto network = netlink::Namespace::find("/proc/" + process + "/ns/net");
  return network && network->identity() == netlink::Namespace::current().identity();
}

// Configurations of containerds that run: the word behind --config.
Directories configurations_of_the_running() {
  Directories found;
  for (const auto& process : processes()) {
    std::string text;
    try {
      text = base::read_file("/proc/" + process + "/cmdline", kLongestFile).value_or("");
    } catch (const base::SystemError&) {
      continue;  // it has ended meanwhile
    }
    Directories words;
    for (std::size_t begin = 0; begin < text.size(); begin += words.back().size() + 1)
      words.emplace_back(text.c_str() + begin);
    if (words.empty() || words[0].substr(words[0].rfind('/') + 1) != "containerd" ||
        !is_on_this_node(process))
      continue;
    for (std::size_t i = 1; i < words.size(); ++i) {
      const bool is_name = words[i] == "--config" || words[i] == "-c";
      if (is_name && i + 1 < words.size()) found.push_back(words[i + 1]);
      if (words[i].starts_with("--config=")) found.push_back(words[i].substr(9));
    }
  }
  return found;
}

// -- CRI-O, podman and nerdctl: a file after the other, each key by itself.

struct Layered {
  const char* name;
  std::initializer_list<const char*> files;  // patterns
  TomlPath table;
  std::initializer_list<std::string_view> plugin_keys;
  std::initializer_list<std::string_view> network_keys;
  Directories plugins;  // where it looks unless told
};

void apply_layer(const Toml& document, const Layered& runtime, Runtime& into) {
  if (const auto plugins = directories_at(document, runtime.table, runtime.plugin_keys)) {
    TomlPath path = runtime.table;
    path.emplace_back(*runtime.plugin_keys.begin());
    const auto* value = find_toml(document, path);
    if (value == nullptr || !value->appends) into.plugins.clear();
    into.plugins.insert(into.plugins.end(), plugins->begin(), plugins->end());
  }
  if (auto networks = directories_at(document, runtime.table, runtime.network_keys))
    into.networks = *std::move(networks);
}

void add_layered(const Layered& runtime, std::vector<Runtime>& found) {
  Runtime result{.name = runtime.name,
                 .file = "",
                 .plugins = runtime.plugins,
                 .networks = {std::string(kUsualConfigurations)},
                 .problem = ""};
  bool is_used = true;
  for (const auto* pattern : runtime.files) {
    for (const auto& file : files_like(pattern)) {
      const auto document = read_toml(file, result.problem);
      result.file = file;
      if (!document) continue;
      apply_layer(*document, runtime, result);
      if (const auto* backend = find_toml(*document, {"network", "network_backend"}))
        is_used = backend->texts.at(0) != "netavark";
    }
  }
  if (!result.file.empty() && is_used) found.push_back(std::move(result));
}

constexpr std::array kContainerdFiles = {
    "/etc/containerd/config.toml",
    "/usr/share/containerd/config.toml",  // Flatcar
    "/etc/cri/containerd.toml",           // Talos
    "/etc/k0s/containerd.toml",
    "/var/lib/rancher/k3s/agent/etc/containerd/config.toml",
    "/var/lib/rancher/rke2/agent/etc/containerd/config.toml",
    "/var/snap/microk8s/current/args/containerd.toml",
};

const std::array<Layered, 3>& layered_runtimes() {
  static const std::array<Layered, 3> kLayered = {
      {{.name = "CRI-O",
        .files = {"/etc/crio/crio.conf", "/etc/crio/crio.conf.d/*"},
        .table = {"crio", "network"},
        .plugin_keys = {"plugin_dirs", "plugin_dir"},
        .network_keys = {"network_dir"},
        .plugins = {std::string(kUsualPlugins)}},
       {.name = "podman",
        .files = {"/usr/share/containers/containers.conf", "/etc/containers/containers.conf",
                  "/etc/containers/containers.conf.d/*.conf"},
        .table = {"network"},
        .plugin_keys = {"cni_plugin_dirs"},
        .network_keys = {"network_config_dir"},
        .plugins = {"/usr/local/libexec/cni", "/usr/libexec/cni", "/usr/local/lib/cni",
                    "/usr/lib/cni", std::string(kUsualPlugins)}},
       {.name = "nerdctl",
        .files = {"/etc/nerdctl/nerdctl.toml"},
        .table = {},
        .plugin_keys = {"cni_path"},
        .network_keys = {"cni_netconfpath"},
        .plugins = {std::string(kUsualPlugins)}}}};
  return kLayered;
}

bool has(const Directories& directories, std::string_view one) {
  return std::find(directories.begin(), directories.end(), one) != directories.end();
}

bool share_one(const Directories& left, const Directories& right) {
  return std::any_of(left.begin(), left.end(), [&](const auto& each) { return has(right, each); });
}

}  // namespace

std::vector<Runtime> find_runtimes() {
  std::vector<Runtime> found;
  Directories files(kContainerdFiles.begin(), kContainerdFiles.end());
  for (auto& file : configurations_of_the_running()) {
    if (file.starts_with('/') && !has(files, file)) files.push_back(std::move(file));
  }
  for (const auto& file : files) add_containerd(file, found);
  for (const auto& runtime : layered_runtimes()) add_layered(runtime, found);
  return found;
}

std::vector<std::string> plugin_directories(const std::vector<Runtime>& runtimes) {
  Directories chosen{std::string(kUsualPlugins)};
  for (const auto& runtime : runtimes) {
    if (!runtime.plugins.empty() && !share_one(runtime.plugins, chosen))
      chosen.push_back(runtime.plugins.front());
  }
  return chosen;
}

std::vector<std::string> network_directories(const std::vector<Runtime>& runtimes) {
  Directories chosen;
  for (const auto& runtime : runtimes) {
    // podman's and nerdctl's networks are no pods'.
    if (runtime.name != "containerd" && runtime.name != "CRI-O") continue;
    if (!runtime.networks.empty() && !has(chosen, runtime.networks.front()))
      chosen.push_back(runtime.networks.front());
  }
  if (chosen.empty()) chosen.emplace_back(kUsualConfigurations);
  return chosen;
}

void enter_root(const std::optional<std::string>& directory) {
  if (!directory) return;
  if (::chroot(directory->c_str()) != 0 || ::chdir("/") != 0)
    throw base::SystemError("enter the root directory", *directory, errno);
}

}  // namespace tool
