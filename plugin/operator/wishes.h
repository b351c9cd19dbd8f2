#pragma once

#include <array>
#include <string>

#include "plugin/operator/chain.h"
#include "plugin/operator/command.h"

/// What `patchcord add` may ask for without JSON: host ports, addresses, a MAC.
namespace tool {

inline constexpr Option kPublishOption = {
    .name = "publish",
    .letter = 'p',
    .value = "PORTS",
    .meaning = "[HOST-IP:]HOST:CONTAINER[/udp|/sctp], a host port; may be given again"};
inline constexpr Option kAddressOption = {
    .name = "ip", .value = "ADDRESS", .meaning = "that it is to have; one a family"};
inline constexpr Option kMacOption = {
    .name = "mac", .value = "MAC", .meaning = "of the container's interface"};

/// Puts them into what plugins are told: by the capability where one declares it, addresses and the
/// MAC else by CNI_ARGS, which every plugin can read. Throws Misuse for what cannot be understood,
/// cni::Error where ports are asked for and no plugin would get them.
void add_wishes(const Call& call, const config::NetworkList& list, Attaching& attaching);

}  // namespace tool
