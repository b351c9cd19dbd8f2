// patchcord validate: a look at configurations before a pod meets them.
#include "plugin/operator/advice.h"
#include "plugin/operator/attaching.h"
#include "plugin/operator/kube_proxy.h"
#include "plugin/operator/table.h"

namespace tool {
namespace {

// Right by itself, but not on a node of a cluster.
void report_hairpin(const Call& call, const std::string& path, const config::NetworkList& list,
                    const config::ListedPlugin& plugin) {
  if (!lacks_hairpin(request_of(list, plugin))) return;
  netlink::Socket host;
  const auto mode = find_kube_proxy(host);
  if (!mode) return;
  call.console.report(path + ": hairpinMode: is not true, and kube-proxy (" + *mode +
                      ") is here: a container that a Service leads to itself gets no answer");
}

// Returns whether all is well.
bool validate(const Call& call, const std::string& path) {
  const auto say = [&](bool right, const std::string& text) {
    call.console.write(paint(call.console, right ? "✓ " : "✗ ", right ? Tone::kGood : Tone::kBad) +
                       printable(text) + "\n");
    return right;
  };
  bool fine = true;
  try {
    const auto list = require_network(call, path);
    for (const auto& note : advice_on(call, list)) call.console.report(path + ": " + note);
    for (const auto& plugin : list.plugins) {
      for (const auto& note : advice_on(list, plugin)) call.console.report(path + ": " + note);
      report_hairpin(call, path, list, plugin);
      const std::string directories = plugin_path(call);
      if (!find_plugin(directories, plugin.type)) {
        fine = say(false, path + ": there is no plugin " + plugin.type + " in " + directories);
      }
    }
    if (fine) say(true, path + ": network " + list.name);
  } catch (const std::exception& error) {
    fine = say(false, path + ": " + error.what());
  }
  return fine;
}

int run_validate(const Call& call) {
  std::vector<std::string> words = call.arguments.operands();
  const std::string directory = configuration_directory(call);
  if (words.empty()) {
    for (const auto& file : read_configurations(directory)) words.push_back(file.path);
  }
  if (words.empty()) call.console.report("there is no network configuration in " + directory);
  bool fine = true;
  for (const auto& word : words) fine = validate(call, word) && fine;
  return fine ? kFine : kNotFine;
}

}  // namespace

const Command kValidate = {
    .name = "validate",
    .operands = "[NETWORK|FILE]...",
    .most = 64,
    .summary = "whether configurations can be read, key by key, and their plugins are there",
    .details =
        "All files of the directory unless some are given. On stderr is what may be meant\n"
        "otherwise: keys that nobody reads, subnets that overlap. The keys of types that are not\n"
        "ours are not looked at.",
    .options = kDirectoryOptions,
    .examples = "patchcord validate\npatchcord validate ./10-podnet.conflist",
    .run = run_validate,
    .is_for_all = true};

}  // namespace tool
