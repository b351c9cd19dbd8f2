// patchcord runtimes: where the runtimes of this node look for plugins and networks.
#include "plugin/operator/runtimes.h"

#include <array>

#include "plugin/operator/format.h"
#include "plugin/operator/json.h"
#include "plugin/operator/table.h"

namespace tool {
namespace {

constexpr Option kFormatOption = {.name = "output",
                                  .letter = 'o',
                                  .value = "FORMAT",
                                  .choices = "table|json|plugins|networks",
                                  .meaning = "how to show it; table unless given"};
constexpr std::array kOptions = {kFormatOption, kRootOption};

std::string joined(const std::vector<std::string>& texts, std::string_view between) {
  std::vector<std::string> shown;
  shown.reserve(texts.size());
  for (const auto& text : texts) shown.push_back(printable(text));
  return join(shown, between);
}

std::string to_json(const std::vector<Runtime>& runtimes) {
  Json json;
  json.begin_object().key("runtimes").begin_list();
  for (const auto& each : runtimes) {
    json.begin_object()
        .member("name", each.name)
        .member("file", each.file)
        .member("pluginDirectories", each.plugins)
        .member("networkDirectories", each.networks)
        .member("problem", each.problem)
        .end_object();
  }
  return json.end_list()
      .member("pluginDirectories", plugin_directories(runtimes))
      .member("networkDirectories", network_directories(runtimes))
      .end_object()
      .document();
}

std::string to_table(const std::vector<Runtime>& runtimes, const Console& console) {
  Table table(
      {{.title = "RUNTIME"}, {.title = "PLUGINS"}, {.title = "NETWORKS"}, {.title = "SAID BY"}});
  for (const auto& each : runtimes) {
    table.add({{.text = each.name},
               {.text = joined(each.plugins, ":")},
               {.text = joined(each.networks, ":")},
               {.text = each.file}});
  }
  return table.to_text(console);
}

int run_runtimes(const Call& call) {
  const std::string format = call.arguments.value(kFormatOption.name).value_or("table");
  enter_root(call.arguments.value(kRootOption.name));
  const auto runtimes = find_runtimes();
  bool is_fine = true;
  for (const auto& each : runtimes) {
    if (each.problem.empty()) continue;
    call.console.report(printable(each.problem));
    is_fine = false;
  }
  if (format == "json") {
    call.console.write(to_json(runtimes));
  } else if (format == "plugins") {
    call.console.write(joined(plugin_directories(runtimes), "\n") + "\n");
  } else if (format == "networks") {
    call.console.write(joined(network_directories(runtimes), "\n") + "\n");
  } else if (runtimes.empty()) {
    call.console.report("no runtime of this node is configured: they look in " +
                        std::string(kUsualPlugins) + " and " + std::string(kUsualConfigurations));
  } else {
    call.console.write(to_table(runtimes, call.console));
  }
  return is_fine ? kFine : kNotFine;
}

}  // namespace

const Command kRuntimes = {
    .name = "runtimes",
    .summary = "where this node's runtimes look for plugins and networks",
    .details =
        "By the configurations of containerd (with its imports; also of k3s, RKE2, k0s and\n"
        "microk8s), CRI-O, podman and nerdctl. `-o plugins` are the directories that `install`\n"
        "installs into, `-o networks` those that a network of pods belongs into, a line each.\n"
        "Exit status 1: a configuration cannot be read.",
    .options = kOptions,
    .examples = "patchcord runtimes\npatchcord runtimes --root /proc/1/root -o plugins",
    .run = run_runtimes,
    .is_for_all = true};

}  // namespace tool
