#pragma once

#include <vector>

#include "plugin/config/network.h"

// Parts of the `ipam` section, for the files that read it.
namespace config {

[[nodiscard]] Static read_static(const cni::Request& request, const cni::Object& root,
                                 const cni::Object& section);

/// The routes of a section, in their order.
[[nodiscard]] std::vector<cni::Route> read_routes(const cni::Object& section);

}  // namespace config
