#pragma once

#include "plugin/attachment/attachment.h"
#include "plugin/cni/request.h"
#include "plugin/config/network.h"
#include "plugin/config/tuning.h"
#include "plugin/lease/lease.h"

/// From request, configuration and lease to the attachment that the steps make.
namespace operations {

[[nodiscard]] attachment::Key key_of(const cni::Request& request);

/// All that the request and the configuration say before addresses are taken: names, MACs, the
/// bridge. `mtu` in bytes, 0 for
/// the kernel's default.
[[nodiscard]] attachment::Attachment plan_links(const cni::Request& request,
                                                const config::Network& network, unsigned mtu);

/// In the order in which they are to be set: what may set others before those.
[[nodiscard]] attachment::Tuning plan_tuning(const config::Tuning& tuning);

/// What the bits of the configuration are in bytes, for the host end of the interface; `mtu` in
/// bytes. A burst smaller than a packet, which nothing would pass, is one packet.
[[nodiscard]] attachment::Shaping plan_shaping(const attachment::Key& key,
                                               const config::Bandwidth& bandwidth,
                                               const std::string& host_name, unsigned mtu);

/// Adds addresses, routes, gateways and forwarding. Throws cni::Error{kInvalidConfig} where they do
/// not fit together.
void plan_addresses(const config::Network& network, const lease::Lease& lease,
                    attachment::Attachment& attachment);

}  // namespace operations
