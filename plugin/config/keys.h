#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/mac_address.h"
#include "plugin/cni/object.h"
#include "plugin/cni/request.h"
#include "plugin/config/network.h"

/// Readers of the keys that several types have in common; all throw cni::Error{kInvalidConfig},
/// unless they say otherwise.
namespace config {

inline constexpr std::string_view kHostInterfacePrefix = "veth";

void refuse_interface_name(const cni::Object& root, std::string_view key, const std::string& name);

/// mtu, dns, ipam, ipMasq and its like, which every type has.
void read_common(const cni::Request& request, Network& network);

/// ipMasq, ipMasqExclude and ipMasqBackend, with what is to be noted of the last.
void read_masquerade(const cni::Object& root, Network& network);

/// isolation and antispoof, which only type patchcord has; `network` has all the rest already.
void read_protection(const cni::Object& root, Network& network);

/// The keys of a bridge and of its port; `network` has its ipam already.
void read_bridge(const cni::Object& root, Network& network);

/// vlan, vlanTrunk and preserveDefaultVlan. Absent where neither of the first two is given.
[[nodiscard]] std::optional<Vlans> read_vlans(const cni::Object& root);

/// runtimeConfig.portMappings and the keys of the reference portmap, which are checked even where
/// there is no mapping: then it is absent. Conditions that cannot be read are kept for who knows
/// which families there are.
[[nodiscard]] std::optional<Ports> read_ports(const cni::Object& root);
/// Its conditionsV4 or conditionsV6.
[[nodiscard]] PortConditions read_port_conditions(const cni::Object& root, base::Family family);

/// What the runtime or its user says by the convention of args (`args.cni`).
[[nodiscard]] std::optional<cni::Object> find_args(const cni::Object& root);

/// The member `mac`; absent where it is empty.
[[nodiscard]] std::optional<base::MacAddress> read_mac(const cni::Object& object);
/// MAC of CNI_ARGS. Throws cni::Error{kInvalidEnvironment}.
[[nodiscard]] std::optional<base::MacAddress> read_mac_argument(const cni::Request& request);

/// The container's MAC: runtimeConfig, then args, then CNI_ARGS, as in the reference bridge. Throws
/// cni::Error{kInvalidEnvironment} for the last.
[[nodiscard]] std::optional<base::MacAddress> find_mac(const cni::Request& request,
                                                       const cni::Object& root);

}  // namespace config
