#pragma once

#include <cstdint>
#include <string>

#include "plugin/cni/object.h"

namespace config {

/// Which containers may open connections to those of a network with this policy.
enum class IngressPolicy : std::uint8_t { kOpen, kSameBridge, kIsolated };

/// The configuration of the reference firewall.
struct Firewall {
  IngressPolicy ingress = IngressPolicy::kOpen;
  std::string admin_chain;     // of iptables, where the host's rules come before ours
  std::string firewalld_zone;  // where firewalld would accept the container
  /// Asked for by name. To the reference every other text means that it chooses; what it does in
  /// iptables is done here.
  bool wants_firewalld = false;
};

/// Throws cni::Error{kInvalidConfig}.
[[nodiscard]] Firewall read_firewall(const cni::Object& root);

}  // namespace config
