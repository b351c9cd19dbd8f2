// doctor's conditions of attachments: gone, amiss, without a record.
#include <algorithm>
#include <map>

#include "plugin/operations/conditions/network.h"
#include "plugin/operations/shared/former_names.h"
#include "plugin/operator/commands/doctor/doctor.h"

namespace tool {
namespace {

void look_at_ports_of_bridges(const Patient& patient, Diagnoses& found) {
  std::map<int, std::size_t> ports;
  for (const auto& link : patient.node.links()) {
    if (link.master != 0) ++ports[link.master];
  }
  for (const auto& [index, count] : ports) {
    const auto* bridge = patient.node.find(index);
    if (bridge == nullptr || bridge->kind != "bridge") continue;
    if (auto diagnosis = conditions::look_at_number_of_ports(bridge->name, count))
      found.push_back(*std::move(diagnosis));
  }
}

bool has(const Diagnoses& found, std::string_view name) {
  return std::any_of(found.begin(), found.end(),
                     [&](const Diagnosis& diagnosis) { return diagnosis.name == name; });
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// What is only what another condition does to the attachment is told there.
bool is_explained(std::string_view finding, const Diagnoses& found) {
  if (has(found, "forwarding-off") && contains(finding, "/forwarding is 0")) return true;
  if (has(found, "forwarding-off") && contains(finding, "ip_forward is 0")) return true;
  if (has(found, "rp-filter-off") && contains(finding, "/rp_filter is 0")) return true;
  if (has(found, "nftables-missing") && contains(finding, "nftables")) return true;
  return has(found, "ipv6-off") &&
         (contains(finding, "IPv6") || contains(finding, "/ipv6/") || contains(finding, "::"));
}

void tell_of_advertisements(const Sighting& sighting, Diagnoses& found) {
  found.push_back({.name = "advertisements-accepted",
                   .is_error = false,
                   .text = "accept_ra is on where containers are: one can make itself the node's "
                           "router (CVE-2020-10749)",
                   .remedy = "a file in /etc/sysctl.d, or a network manager, may have changed it",
                   .command = "patchcord reconcile",
                   .about = {title_of(sighting)}});
}

/// What is amiss in the same way.
struct Kind {
  std::string finding;  // of the first
  std::size_t more = 0;
  bool can_be_mended = true;
  const Sighting* first = nullptr;
  std::vector<std::string> titles{};
};

// Without what differs from container to container: names of interfaces and addresses.
std::string kind_of(const std::vector<std::string>& findings) {
  std::string kind;
  for (const auto& finding : findings) {
    bool has_number = false;
    std::string word;
    for (const char c : finding + " ") {
      if (c != ' ') {
        has_number = has_number || (c >= '0' && c <= '9');
        word += c;
        continue;
      }
      kind += (has_number ? "#" : word) + " ";
      word.clear();
      has_number = false;
    }
  }
  return kind;
}

std::vector<std::string> unexplained(const Sighting& sighting, Diagnoses& found) {
  std::vector<std::string> rest;
  for (auto& finding : sighting.findings()) {
    if (finding.starts_with(steps::kMeaningOfAcceptRa)) {
      tell_of_advertisements(sighting, found);
    } else if (!is_explained(finding, found)) {
      rest.push_back(std::move(finding));
    }
  }
  return rest;
}

void tell(const Kind& kind, Diagnoses& found) {
  const std::size_t count = kind.titles.size();
  const std::string whose =
      count == 1 ? "container " + kind.titles.front() : std::to_string(count) + " containers";
  const std::string more = kind.more == 0 ? "" : ", and " + std::to_string(kind.more) + " more";
  const std::string look =
      "`patchcord inspect " + kind.first->attachment.pair.host_name + "` has all of it";
  found.push_back(
      {.name = "attachment-broken",
       .is_error = true,
       .text = whose + ": " + kind.finding + more,
       .remedy = kind.can_be_mended
                     ? look
                     : "have the runtime start it anew: only an ADD makes this again; " + look,
       .command = kind.can_be_mended ? "patchcord reconcile" : "",
       .about = kind.titles});
}

// Only an ADD makes the pair and its record, and nothing brings back a namespace.
bool can_be_mended(const Sighting& sighting) {
  return sighting.host_end &&
         std::none_of(sighting.parts.begin(), sighting.parts.end(), [](const Part& part) {
           return (part.step == "namespace" || part.step == "record") && !part.findings.empty();
         });
}

void look_at_broken(const Patient& patient, Diagnoses& found) {
  std::map<std::string, Kind> kinds;
  for (const auto& sighting : patient.sightings) {
    if (sighting.state != State::kBroken) continue;
    const auto findings = unexplained(sighting, found);
    if (findings.empty()) continue;
    const bool mendable = can_be_mended(sighting);
    auto& kind = kinds[kind_of(findings) + (mendable ? "+" : "-")];
    if (kind.first == nullptr)
      kind = {.finding = findings.front(),
              .more = findings.size() - 1,
              .can_be_mended = mendable,
              .first = &sighting};
    kind.titles.push_back(title_of(sighting));
  }
  for (const auto& [name, kind] : kinds) tell(kind, found);
}

void look_at_remains(const Patient& patient, Diagnoses& found) {
  std::size_t gone = 0;
  std::size_t unfinished = 0;
  for (const auto& sighting : patient.sightings) {
    if (sighting.state == State::kGone) ++gone;
    if (sighting.state == State::kUnfinished &&
        patient.node.records().is_abandoned(sighting.attachment.key))
      ++unfinished;
  }
  if (gone + unfinished == 0) return;
  found.push_back({.name = "stale-attachments",
                   .is_error = false,
                   .text = std::to_string(gone) + " attachments of containers that are gone, and " +
                           std::to_string(unfinished) +
                           " of an ADD that was killed, still hold "
                           "addresses",
                   .remedy = "patchcord gc --dry-run says what that removes, and why",
                   .command = "patchcord gc"});
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
  look_at_ports_of_bridges(patient, found);
  look_at_broken(patient, found);
  look_at_remains(patient, found);
  look_for_former_names(patient, found);
}

}  // namespace tool
