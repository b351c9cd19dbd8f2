#pragma once

#include <functional>
#include <string>
#include <vector>

#include "plugin/operations/conditions/condition.h"
#include "plugin/operator/files.h"
#include "plugin/operator/pools.h"
#include "plugin/operator/survey.h"

namespace tool {

using conditions::Diagnoses;
using conditions::Diagnosis;

/// What doctors look at, gathered once.
struct Patient {
  Node& node;
  const std::vector<ConfigurationFile>& files;
  const std::vector<Sighting>& sightings;
  std::string configurations;  // the directory
  std::string plugin_path;     // CNI_PATH, or wherever a runtime looks
  std::string state_directory;
  std::vector<PoolView> pools{};
};
/// --plugin-dir or CNI_PATH, else wherever a runtime may look.
[[nodiscard]] std::string plugin_path_for_all(const Call& call);

/// All that there is to find, of what has been read and seen.
[[nodiscard]] Diagnoses diagnose(const Call& call, Node& node,
                                 const std::vector<ConfigurationFile>& files,
                                 const std::vector<Sighting>& sightings);

// Each looks for some conditions, and adds those that it finds.
void look_at_kernel(const Patient& patient, Diagnoses& found);
void look_at_configurations(const Patient& patient, Diagnoses& found);
void look_at_blocks(const Patient& patient, Diagnoses& found);
void look_at_runtimes(const Patient& patient, Diagnoses& found);
void look_at_services(const Patient& patient, Diagnoses& found);
void look_at_networks(const Patient& patient, Diagnoses& found);
void look_at_tables(const Patient& patient, Diagnoses& found);
void look_at_bridges(const Patient& patient, Diagnoses& found);
void look_at_ports(const Patient& patient, Diagnoses& found);
void look_at_attachments(const Patient& patient, Diagnoses& found);

/// How they are shown; nothing found is a sentence that says so.
[[nodiscard]] std::string diagnoses_as_text(const Diagnoses& found, const Console& console);
[[nodiscard]] std::string diagnoses_as_json(const Diagnoses& found);

/// The networks of our own types and the reference's, with what their configuration says.
struct Subnet {
  std::string network;
  std::string path;  // of the configuration
  base::IpPrefix prefix;
  std::string bridge;      // empty where there is none
  std::uint64_t size = 0;  // addresses that may be given
  std::vector<std::pair<base::IpAddress, base::IpAddress>> ranges;
  std::string data_directory;
};
[[nodiscard]] std::vector<Subnet> subnets_of(const std::vector<ConfigurationFile>& files);

/// How many of a subnet's addresses are reserved.
[[nodiscard]] std::uint64_t used_of(const Subnet& subnet);

}  // namespace tool
