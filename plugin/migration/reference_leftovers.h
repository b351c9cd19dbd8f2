#pragma once

#include <functional>
#include <vector>

#include "base/ip_address.h"
#include "netlink/socket.h"
#include "plugin/attachment/attachment.h"
#include "plugin/cni/request.h"

/// What the reference plugins leave on a host for an attachment that they made: rules of iptables
/// and of nft, and links, found by names that follow from the attachment's. For a DEL or GC without
/// a record of ours; each function acts in the calling thread's namespace, removes what
/// is the attachment's and nothing else, and finding nothing is success. Where iptables is the
/// legacy one, its own tools are run, and only if it has a chain of that name.
///
/// All throw netlink::Error; the functions that may meet a legacy chain also cni::Error{kKernel}.
namespace migration {

/// The reference has one chain, or one link, for all interfaces of a container on a network: what
/// is for the addresses of the others, which this returns, stays, and what may be for anyone of
/// them. Asked only where there is something to remove.
using FindOthers = std::function<std::vector<base::IpAddress>()>;
[[nodiscard]] FindOthers no_others();

/// `ipMasq` of bridge and ptp.
void remove_reference_masquerade(const attachment::Key& key, const FindOthers& find_others);

/// `macspoofchk` of bridge.
void remove_reference_antispoof(const attachment::Key& key);

/// portmap. Its rules in nftables say which container they are for, and not which network: those
/// that lead to another address than `own` stay, unless `own` is empty.
void remove_reference_ports(const attachment::Key& key, const std::vector<base::IpAddress>& own,
                            const FindOthers& find_others);

/// firewall, whose rules name nothing but the addresses, `own`.
void remove_reference_firewall(const std::vector<base::IpAddress>& own);

/// The ifb of bandwidth, which the reference names after network and container alone.
void remove_reference_ifb(netlink::Socket& host, const attachment::Key& key,
                          const FindOthers& find_others);

}  // namespace migration
