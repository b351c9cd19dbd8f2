#pragma once

#include <string>

#include "plugin/attachment/attachment.h"
#include "plugin/cni/request.h"
#include "plugin/ruleset/wanted.h"

/// Where elements in nftables may be that are of an attachment without a record: by its names, its
/// reservations, and what a DEL brings along of its ADD. None of these throws for what a DEL lacks
/// or has in a form that cannot be read.
namespace operations {

/// Of the types that make an interface.
[[nodiscard]] ruleset::Traces find_traces(const cni::Request& request,
                                          const attachment::Attachment& attachment,
                                          const std::string& state_directory);
/// Of type portmap, and of it alone.
[[nodiscard]] ruleset::Traces find_traces_of_ports(const cni::Request& request);
/// Of type firewall, and of what it accepts alone.
[[nodiscard]] ruleset::Traces find_traces_of_acceptance(const cni::Request& request);

}  // namespace operations
