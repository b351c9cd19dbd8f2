#pragma once

#include <string>
#include <vector>

#include "plugin/cni/request.h"
#include "plugin/config/network.h"
#include "plugin/types/type.h"

// What the IPAM types have in common: plugins that another one calls for addresses.
namespace types {

/// ADD: takes the addresses and delivers them; a result that the caller does not take is undone.
void answer_addresses(const cni::Request& request, const config::Ipam& ipam,
                      const Settings& settings);

/// The `ipam` section as the plugin `type` reads it, and CNI_ARGS without what nobody knows.
[[nodiscard]] config::Ipam parse_ipam_request(const cni::Request& request, std::string_view type);

}  // namespace types
