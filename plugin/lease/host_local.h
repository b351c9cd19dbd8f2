#pragma once

#include "plugin/lease/lease.h"

/// Our own allocator: an address of each set of ranges, and one of each pool.
namespace lease {

[[nodiscard]] Lease acquire_host_local(const cni::Request& request, const config::HostLocal& config,
                                       const Ground& ground, base::Rollback& undo);

/// Whether there are free addresses, which is reported where there are none; throws where none can
/// come.
void look_for_free_addresses(const cni::Request& request, const config::HostLocal& config,
                             const Ground& ground);

/// Throws cni::Error where there is no such file.
[[nodiscard]] cni::Dns read_resolv_conf(const std::string& path);

}  // namespace lease
