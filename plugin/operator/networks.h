#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plugin/operator/files.h"
#include "plugin/operator/survey.h"

namespace tool {

/// One network, with what its configuration says and who is on it.
struct NetworkLine {
  std::string name;
  std::string file;  // empty: nobody configures it any more
  std::vector<std::string> types;
  std::string mode;  // "bridge", "routed", "ptp", or the first plugin's type
  std::vector<std::string> subnets;
  std::uint64_t size = 0;  // addresses that may be given
  std::uint64_t used = 0;
  std::size_t containers = 0;
};

/// In the order of the files, and behind them those without any.
[[nodiscard]] std::vector<NetworkLine> networks_of(const std::vector<ConfigurationFile>& files,
                                                   const std::vector<Sighting>& sightings);

}  // namespace tool
