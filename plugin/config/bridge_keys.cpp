// The keys of a bridge that type bridge and mode bridge have in common.

#include "plugin/cni/error.h"
#include "plugin/config/keys.h"

namespace config {
namespace {

constexpr std::string_view kDefaultBridge = "cni0";
constexpr std::size_t kLongestInterfaceName = 15;  // IFNAMSIZ - 1

Bridge read_settings(const cni::Object& root) {
  Bridge bridge;
  bridge.name = root.text("bridge").value_or(std::string(kDefaultBridge));
  refuse_interface_name(root, "bridge", bridge.name);
  bridge.is_default_gateway = root.boolean("isDefaultGateway").value_or(false);
  bridge.is_gateway = root.boolean("isGateway").value_or(false) || bridge.is_default_gateway;
  bridge.force_address = root.boolean("forceAddress").value_or(false);
  bridge.hairpin = root.boolean("hairpinMode").value_or(false);
  bridge.promiscuous = root.boolean("promiscMode").value_or(false);
  bridge.port_isolation = root.boolean("portIsolation").value_or(false);
  if (bridge.hairpin && bridge.promiscuous) {
    root.reject("hairpinMode",
                "cannot be combined with promiscMode: every frame would be received twice");
  }
  return bridge;
}

// The gateway of a VLAN is an interface named after bridge and VLAN, as in the reference.
void choose_gateway(const cni::Object& root, const Network& network, Bridge& bridge) {
  if (!bridge.vlans || !bridge.is_gateway || network.ipam.type.empty()) return;
  if (!root.integer("vlan", 0, 4094).value_or(0)) return;
  bridge.vlans->own_gateway = true;
  const std::string name = bridge.name + "." + std::to_string(bridge.vlans->native);
  if (name.size() <= kLongestInterfaceName) return;
  root.reject("bridge", "makes " + name +
                            " the name of the gateway's interface, which is longer than 15 bytes; "
                            "give the bridge a shorter name");
}

}  // namespace

void read_bridge(const cni::Object& root, Network& network) {
  network.rules.check_mac = root.boolean("macspoofchk").value_or(false);
  network.bridge = read_settings(root);
  network.bridge.vlans = read_vlans(root);
  choose_gateway(root, network, network.bridge);
  network.container_up = !root.boolean("disableContainerInterface").value_or(false);
  if (!network.container_up && !network.ipam.type.empty()) {
    root.reject("disableContainerInterface",
                "cannot be combined with ipam: an interface that is down has no use for addresses");
  }
}

}  // namespace config
