// The configuration of type ptp.
#include "plugin/config/keys.h"

namespace config {

// CNI_ARGS are none of its business, and it has no key for a MAC.
Network parse_ptp(const cni::Request& request) {
  Network network;
  network.mode = Mode::kPtp;
  network.reference_result = true;
  network.host_interface_prefix = kHostInterfacePrefix;
  read_common(request, network);
  return network;
}

}  // namespace config
