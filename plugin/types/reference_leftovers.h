#pragma once

#include <functional>
#include <vector>

#include "base/ip_address.h"
#include "plugin/attachment/attachment.h"
#include "plugin/cni/request.h"

/// What the reference plugins leave on a host for an attachment that they made: rules of iptables
/// and of nft, found by names that follow from the attachment's, in chains that are named. For a
/// DEL without a record of ours; each function acts in the calling thread's namespace, removes what
/// is the attachment's and nothing else, and finding nothing is success. Where iptables is the
/// legacy one, its own tools are run, and only if it has a chain of that name.
///
/// All throw netlink::Error; the functions that may meet a legacy chain also cni::Error{kKernel}.
namespace types {

/// `ipMasq` of bridge and ptp. The reference has one chain for all interfaces of a container on a
/// network: `find_others`, which is asked only where there is such a chain, returns the addresses
/// of the others, whose rules stay.
void remove_reference_masquerade(const attachment::Key& key,
                                 const std::function<std::vector<base::IpAddress>()>& find_others);

/// `macspoofchk` of bridge.
void remove_reference_antispoof(const attachment::Key& key);

/// portmap. Its rules in nftables say which container they are for, and not which network: those
/// that lead to another address than `own` stay, unless `own` is empty.
void remove_reference_ports(const attachment::Key& key, const std::vector<base::IpAddress>& own);

/// firewall, whose rules name nothing but the addresses, `own`.
void remove_reference_firewall(const std::vector<base::IpAddress>& own);

/// The addresses of the request's interface by its previous result, which a DEL may lack, or have
/// in a form that cannot be read: then none.
[[nodiscard]] std::vector<base::IpAddress> addresses_in_previous_result(
    const cni::Request& request) noexcept;

}  // namespace types
