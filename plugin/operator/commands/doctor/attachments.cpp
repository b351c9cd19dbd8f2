// doctor's conditions of attachments: gone, amiss, without a record.
#include <algorithm>
#include <map>

#include "plugin/operations/shared/former_names.h"
#include "plugin/operator/commands/doctor/doctor.h"

namespace tool {
namespace {

constexpr std::size_t kMostPorts = 1023;  // BR_MAX_PORTS - 1: port 0 is none
constexpr std::size_t kManyPorts = kMostPorts * 9 / 10;

void look_at_bridges(const Patient& patient, Diagnoses& found) {
  std::map<int, std::size_t> ports;
  for (const auto& link : patient.node.links()) {
    if (link.master != 0) ++ports[link.master];
  }
  for (const auto& [index, count] : ports) {
    const auto* bridge = patient.node.find(index);
    if (bridge == nullptr || bridge->kind != "bridge" || count < kManyPorts) continue;
    found.push_back({.name = "bridge-nearly-full",
                     .is_error = count >= kMostPorts,
                     .text = "bridge " + bridge->name + " has " + std::to_string(count) +
                             " of the 1023 ports that the kernel gives a bridge",
                     .remedy = "mode routed, which has no such limit, or one more network with a "
                               "bridge of its own"});
  }
}

void look_at_states(const Patient& patient, Diagnoses& found) {
  std::size_t gone = 0;
  std::size_t unfinished = 0;
  for (const auto& sighting : patient.sightings) {
    if (sighting.state == State::kGone) ++gone;
    if (sighting.state == State::kUnfinished &&
        patient.node.records().is_abandoned(sighting.attachment.key))
      ++unfinished;
    if (sighting.state != State::kBroken) continue;
    const auto findings = sighting.findings();
    found.push_back(
        {.name = "attachment-broken",
         .is_error = true,
         .text =
             "container " + title_of(sighting) + ": " + (findings.empty() ? "" : findings.front()) +
             (findings.size() > 1 ? ", and " + std::to_string(findings.size() - 1) + " more" : ""),
         .remedy = "patchcord reconcile puts back what can be; `patchcord inspect " +
                   sighting.attachment.pair.host_name + "` has all of it"});
  }
  if (gone + unfinished == 0) return;
  found.push_back({.name = "stale-attachments",
                   .is_error = false,
                   .text = std::to_string(gone) + " attachments of containers that are gone, and " +
                           std::to_string(unfinished) +
                           " of an ADD that was killed, still hold "
                           "addresses",
                   .remedy = "patchcord gc --dry-run, and then patchcord gc"});
}

bool is_configured(const Patient& patient, const std::string& network) {
  return std::any_of(patient.files.begin(), patient.files.end(),
                     [&](const auto& file) { return file.list && file.list->name == network; });
}

// Who gave a network another name has DELs come with that, and its addresses given again.
void look_for_former_names(const Patient& patient, Diagnoses& found) {
  for (const auto& file : patient.files) {
    if (!file.list) continue;
    for (const auto& plugin : file.list->plugins) {
      if (plugin.type != "patchcord" && plugin.type != "bridge" && plugin.type != "ptp") continue;
      const auto counts =
          operations::count_former_names(patient.node.records(), request_of(*file.list, plugin));
      for (const auto& [name, count] : counts) {
        if (is_configured(patient, name)) continue;
        found.push_back({.name = "network-renamed",
                         .is_error = true,
                         .text = std::to_string(count) + " attachments are of network " + name +
                                 ", which no configuration is called, and have addresses that " +
                                 file.list->name + " gives: they may be given twice",
                         .remedy = "give the network its name " + name + " back in " + file.path +
                                   " until those containers are gone; patchcord gc removes what "
                                   "the dead still hold"});
      }
    }
  }
}

}  // namespace

void look_at_attachments(const Patient& patient, Diagnoses& found) {
  look_at_bridges(patient, found);
  look_at_states(patient, found);
  look_for_former_names(patient, found);
}

}  // namespace tool
