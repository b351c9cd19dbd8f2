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

/// A key of mode bridge in mode routed.
struct BridgeKey {
  std::string_view name;
  bool is_needless;  // what it asks for is so anyway, or there is no need of it
  std::string_view why;
};
constexpr std::array<BridgeKey, 12> kBridgeKeys = {
    {{"bridge", true, "a container has a link of its own instead"},
     {"isGateway", true, "the node is the next hop of every container"},
     {"isDefaultGateway", true, "the node is the default route's next hop"},
     {"forceAddress", true, "the node needs no address of the subnet"},
     {"hairpinMode", true, "a container reaches itself through the node"},
     {"promiscMode", true, "there is no bridge"},
     {"preserveDefaultVlan", true, "there is no bridge"},
     {"portIsolation", false, R"(use "isolation": "pod")"},
     {"macspoofchk", false, R"(use "antispoof": true)"},
     {"disableContainerInterface", false, "remove it or use mode bridge"},
     {"vlan", false, "remove it or use mode bridge"},
     {"vlanTrunk", false, "remove it or use mode bridge"}}};

// Whether anything is asked for by false, 0, and what is empty.
bool is_nothing(const nlohmann::json& value) {
  if (value.is_boolean()) return !value.get<bool>();
  if (value.is_number_integer()) return value.get<std::int64_t>() == 0;
  if (value.is_string()) return value.get_ref<const std::string&>().empty();
  return value.is_array() && value.empty();
}

// What would be silently missing is refused, so that nobody finds out later.
void note_bridge_keys(const cni::Object& root, Network& network) {
  for (const BridgeKey& key : kBridgeKeys) {
    const auto* value = root.find(key.name);
    if (value == nullptr || is_nothing(*value)) continue;
    const std::string text = std::string(key.name) + ": ";
    if (key.is_needless) {
      network.notes.push_back(text + "is of no effect in mode routed: " + std::string(key.why));
      continue;
    }
    throw cni::Error(cni::Code::kUnsupportedField,
                     text + value->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) +
                         ": has no meaning in mode routed; " + std::string(key.why));
  }
  network.bridge.is_default_gateway = root.boolean("isDefaultGateway").value_or(false);
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
  if (network.mode == Mode::kRouted) note_bridge_keys(root, network);
  network.host_interface_prefix = read_prefix(root);
  network.mac = find_mac(request, root);
  network.enable_dad = root.boolean("enabledad").value_or(false);
  network.tuning = read_tuning(request);
  network.bandwidth = parse_bandwidth(request);
  read_common(request, network);
  network.ports = read_ports(root);
  if (network.ports)
    network.notes.insert(network.notes.end(), network.ports->notes.begin(),
                         network.ports->notes.end());
  network.offers_ports = offers(root, "portMappings");
  if (network.mode == Mode::kBridge) read_bridge(root, network);
  read_protection(root, network);
  if (network.mode == Mode::kRouted && network.ipam.type.empty()) {
    root.reject("ipam", "is missing: mode routed needs addresses to route");
  }
  return network;
}

}  // namespace config
