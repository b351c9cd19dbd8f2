// doctor's conditions of runtimes: their configuration, and whether they look where we are.
#include "plugin/operator/runtimes.h"

#include <algorithm>

#include "plugin/operator/chain.h"
#include "plugin/operator/commands/doctor/doctor.h"
#include "plugin/operator/format.h"

namespace tool {
namespace {

bool reads(const Runtime& runtime, const std::string& directory) {
  return std::find(runtime.networks.begin(), runtime.networks.end(), directory) !=
         runtime.networks.end();
}

// What is nowhere is plugin-missing.
void look_for_plugins(const Patient& patient, const Runtime& runtime, Diagnoses& found) {
  const std::string path = join(runtime.plugins, ":");
  std::vector<std::string> missing;
  for (const auto& file : patient.files) {
    if (!file.list) continue;
    for (const auto& plugin : file.list->plugins) {
      const bool is_known = std::find(missing.begin(), missing.end(), plugin.type) != missing.end();
      if (is_known || find_plugin(path, plugin.type)) continue;
      if (find_plugin(patient.plugin_path, plugin.type)) missing.push_back(plugin.type);
    }
  }
  if (missing.empty()) return;
  found.push_back({.name = "runtime-looks-elsewhere",
                   .is_error = true,
                   .text = runtime.name + " looks for plugins in " +
                           join(runtime.plugins, " and ") + ", as " + runtime.file +
                           " says, and there is no " + join(missing, ", ") +
                           ": pods fail with \"failed to find plugin\"",
                   .remedy = "`patchcord install` brings those that are ours to where each runtime "
                             "looks"});
}

// Of directories of networks only the usual one is certainly meant for all runtimes.
void look_for_networks(const Patient& patient, const std::vector<Runtime>& runtimes,
                       Diagnoses& found) {
  if (patient.configurations != kUsualConfigurations || patient.files.empty()) return;
  const auto directories = network_directories(runtimes);
  if (std::find(directories.begin(), directories.end(), kUsualConfigurations) != directories.end())
    return;
  found.push_back({.name = "runtime-looks-elsewhere",
                   .is_error = false,
                   .text = "no runtime of pods reads " + patient.configurations +
                           "; they have their networks from " + join(directories, " and "),
                   .remedy = "put the networks of pods there; `patchcord runtimes` shows which "
                             "configuration says so"});
}

}  // namespace

void look_at_runtimes(const Patient& patient, Diagnoses& found) {
  const auto runtimes = find_runtimes();
  for (const auto& runtime : runtimes) {
    if (!runtime.problem.empty()) {
      found.push_back({.name = "runtime-unreadable",
                       .is_error = false,
                       .text = "where " + runtime.name + " looks is not known: " + runtime.problem,
                       .remedy = "mend that file; the runtime does not start with it either"});
    } else if (reads(runtime, patient.configurations)) {
      look_for_plugins(patient, runtime, found);
    }
  }
  look_for_networks(patient, runtimes, found);
}

}  // namespace tool
