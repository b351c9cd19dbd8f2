// The configuration of type patchcord.
#include <array>

#include <nlohmann/json.hpp>

#include "plugin/cni/error.h"
#include "plugin/config/keys.h"
#include "plugin/config/network.h"

namespace config {
namespace {

// Leaves eight of the fifteen bytes of a name for the digits that keep two attachments apart.
constexpr std::size_t kLongestPrefix = 7;

Mode read_mode(const cni::Object& root) {
  const auto mode = root.text("mode");
  if (mode == "bridge") return Mode::kBridge;
  if (mode == "routed") return Mode::kRouted;
  root.reject("mode", mode ? "is \"" + *mode + "\", but must be \"bridge\" or \"routed\""
                           : std::string("is missing; it must be \"bridge\" or \"routed\""));
}

// Keys that say nothing in routed mode would be silently ignored, and the user would find out
// later.
void refuse_bridge_keys(const cni::Object& root) {
  constexpr std::array<std::string_view, 12> kKeys = {
      "bridge",      "isGateway",   "isDefaultGateway",    "forceAddress",
      "hairpinMode", "promiscMode", "portIsolation",       "disableContainerInterface",
      "vlan",        "vlanTrunk",   "preserveDefaultVlan", "macspoofchk"};
  for (const std::string_view key : kKeys) {
    if (const auto* value = root.find(key)) {
      throw cni::Error(cni::Code::kUnsupportedField,
                       std::string(key) + ": " +
                           value->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) +
                           ": has no meaning in mode routed; remove it or use mode bridge");
    }
  }
}

std::string read_prefix(const cni::Object& root) {
  std::string prefix = root.text("hostInterfacePrefix").value_or(std::string(kHostInterfacePrefix));
  refuse_interface_name(root, "hostInterfacePrefix", prefix);
  if (prefix.size() > kLongestPrefix) root.reject("hostInterfacePrefix", "is longer than 7 bytes");
  return prefix;
}

}  // namespace

Network parse_patchcord(const cni::Request& request) {
  const cni::Object root = request.config();
  cni::Arguments::parse(request.args).require_known({"IP", "MAC", "GATEWAY"});
  Network network;
  network.mode = read_mode(root);
  if (network.mode == Mode::kRouted) refuse_bridge_keys(root);
  network.host_interface_prefix = read_prefix(root);
  network.mac = find_mac(request, root);
  network.enable_dad = root.boolean("enabledad").value_or(false);
  network.tuning = read_tuning(request);
  network.bandwidth = parse_bandwidth(request);
  read_common(request, network);
  network.ports = read_ports(root);
  network.offers_ports = offers(root, "portMappings");
  if (network.mode == Mode::kBridge) read_bridge(root, network);
  read_protection(root, network);
  if (network.mode == Mode::kRouted && network.ipam.type.empty()) {
    root.reject("ipam", "is missing: mode routed needs addresses to route");
  }
  return network;
}

}  // namespace config
