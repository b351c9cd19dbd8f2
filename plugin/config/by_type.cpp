// Which configuration a type has.
#include "plugin/config/network.h"

namespace config {

std::optional<Network> parse_network(const cni::Request& request) {
  const std::string type = request.config().text("type").value_or("");
  if (type == "patchcord") return parse_patchcord(request);
  if (type == "bridge") return parse_bridge(request);
  if (type == "ptp") return parse_ptp(request);
  return std::nullopt;
}

}  // namespace config
