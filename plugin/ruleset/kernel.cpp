#include "plugin/ruleset/kernel.h"

#include <cerrno>

#include "netlink/nft/query.h"

namespace ruleset {
namespace {

// Of a protocol that the kernel does not have (nfnetlink), and of a part of that which it does not
// have (nfnetlink_rcv_msg), each after it has tried to load the module.
bool says_missing(int code) {
  return code == EPROTONOSUPPORT || code == EINVAL || code == EOPNOTSUPP;
}

}  // namespace

std::optional<netlink::Socket> find_nftables() {
  try {
    netlink::Socket netfilter(netlink::Protocol::kNetfilter);
    (void)netlink::nft::generation(netfilter);
    return netfilter;
  } catch (const netlink::Error& error) {
    if (says_missing(error.code())) return std::nullopt;
    throw;
  }
}

netlink::Socket open_nftables() {
  if (auto netfilter = find_nftables()) return std::move(*netfilter);
  throw netlink::Error("use", "nftables", EOPNOTSUPP,
                       "this kernel has no nf_tables, neither built in nor as a module");
}

}  // namespace ruleset
