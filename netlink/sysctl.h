#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace netlink {

// Network sysctls of the calling thread's network namespace. A key is the path below /proc/sys,
// with slashes ("net/ipv4/conf/veth0/proxy_arp"), so that an interface name may hold a dot.

/// The value without its trailing newline. Absent where the kernel has no such key (IPv6 off, an
/// interface that is gone). Throws base::SystemError.
[[nodiscard]] std::optional<std::string> read_sysctl(const std::string& key);

/// False where the kernel has no such key. Throws base::SystemError{"write sysctl", key, errno}.
bool write_sysctl(const std::string& key, std::string_view value);

}  // namespace netlink
