// The configuration of type bridge.
#include "plugin/config/keys.h"

namespace config {

Network parse_bridge(const cni::Request& request) {
  const cni::Object root = request.config();
  Network network;
  network.mode = Mode::kBridge;
  network.reference_result = true;
  network.host_interface_prefix = kHostInterfacePrefix;
  network.mac = find_mac(request, root);
  network.enable_dad = root.boolean("enabledad").value_or(false);
  read_common(request, network);
  // IP and GATEWAY are for who gives addresses.
  if (network.ipam.type.empty()) {
    cni::Arguments::parse(request.args).require_known({"MAC"});
  } else {
    cni::Arguments::parse(request.args).require_known({"MAC", "IP", "GATEWAY"});
  }
  read_bridge(root, network);
  return network;
}

}  // namespace config
