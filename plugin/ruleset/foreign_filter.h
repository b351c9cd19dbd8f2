#pragma once

#include <string>
#include <vector>

#include "base/ip_address.h"
#include "netlink/socket.h"

/// What is accepted by us may be dropped by others: a drop ends a packet's way in whichever table
/// it is said, and Docker makes it the policy of iptables' FORWARD. So what containers send is
/// accepted there, in the table filter of iptables-nft, as the reference does it; but by one rule
/// for all of them. Those rules are such that iptables shows and saves them.
namespace ruleset {

/// The bit that a packet has as its mark while it passes FORWARD, if it is to be accepted (see
/// acceptance.cpp). Others use 0x2000 (the reference portmap), 0x4000 and 0x8000 (Kubernetes).
inline constexpr std::uint32_t kAcceptMark = 0x1000;

/// Makes, in the families where there is a FORWARD, what is missing of this, in one transaction:
/// FORWARD jumps to our chain first of all, and that to `admin_chain` and those of other networks,
/// and accepts what has the mark. Nothing of it is ever removed. Throws netlink::Error.
void accept_in_foreign_filter(netlink::Socket& netfilter, const std::vector<base::Family>& families,
                              const std::string& admin_chain);

/// What is missing, each a sentence.
[[nodiscard]] std::vector<std::string> find_missing_acceptance(
    netlink::Socket& netfilter, const std::vector<base::Family>& families,
    const std::string& admin_chain);

/// Whether firewalld is at work, whose zones decide of what is forwarded, too.
[[nodiscard]] bool has_firewalld(netlink::Socket& netfilter);

}  // namespace ruleset
