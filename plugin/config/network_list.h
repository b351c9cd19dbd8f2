#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugin/cni/request.h"
#include "plugin/cni/version.h"

/// A network configuration as runtimes have it in files: a list of plugins (.conflist), or one
/// plugin by itself (.conf).
namespace config {

struct ListedPlugin {
  std::string type;
  std::string text;  // its part of the list, JSON
};

struct NetworkList {
  std::string name;
  std::string version;  // as given; the oldest where it is missing
  bool disable_check = false;
  bool disable_gc = false;
  std::vector<ListedPlugin> plugins;
  std::vector<std::string> unknown{};  // keys of the list itself that libcni does not read
  /// Of what a runtime offers, what no plugin says that it is capable of.
  [[nodiscard]] std::vector<std::string> unclaimed(const std::string& offers) const;
};

/// The plugins that lie beside a list, each in a file of its own, of the network with that name.
using FurtherPlugins = std::function<std::vector<std::string>(const std::string& network)>;

/// With those of `further` behind the list's own, unless it has loadOnlyInlinedPlugins, as libcni
/// does it. Throws cni::Error{kDecoding} or {kInvalidConfig}.
[[nodiscard]] NetworkList parse_network_list(std::string_view text,
                                             const FurtherPlugins& further = {});

/// The keys that a list has beside its plugins.
[[nodiscard]] const std::vector<std::string>& keys_of_list();

/// The list of those that are alive, as GC has it: {"cni.dev/valid-attachments": [{"containerID":
/// ..., "ifname": ...}]}; null is the empty list. Throws cni::Error{kDecoding} or {kInvalidConfig},
/// the latter also where there is no list.
[[nodiscard]] std::vector<cni::ValidAttachment> parse_valid_attachments(std::string_view text);

/// What a runtime puts into a plugin's configuration.
struct Additions {
  std::string previous_result{};  // JSON; empty for none
  /// CAP_ARGS: an object of what the runtime offers, of which a plugin gets what it says it is
  /// capable of; empty for none.
  std::string offers{};
  std::optional<std::vector<cni::ValidAttachment>> valid{};  // of GC
};

/// What either offers; the second one counts where both do. Throws as parse_network_list.
[[nodiscard]] std::string merge_offers(const std::string& first, const std::string& second);

/// The plugin's stdin. Throws as parse_network_list, for the additions too.
[[nodiscard]] std::string plugin_input(const NetworkList& list, const ListedPlugin& plugin,
                                       const Additions& additions);

/// A file's name that a runtime takes for a network configuration: .conf, .conflist or .json.
[[nodiscard]] bool is_configuration_file(std::string_view name);

}  // namespace config
