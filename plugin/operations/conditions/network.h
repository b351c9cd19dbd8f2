#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_prefix.h"
#include "ipam/range.h"
#include "netlink/route.h"
#include "netlink/socket.h"
#include "plugin/attachment/attachment.h"
#include "plugin/cni/request.h"
#include "plugin/config/network.h"
#include "plugin/operations/conditions/condition.h"
#include "plugin/operations/settings.h"

/// The conditions of one network on this node.
namespace conditions {

/// A network as an ADD would make it, and the node that it would be made on.
struct Subject {
  netlink::Socket& host;
  std::string network;
  attachment::Attachment plan;           // for an address that it might give
  std::vector<ipam::RangeSet> pool{};    // of our own allocator
  std::vector<netlink::Route> routes{};  // of the node, as far as they may lead into the pool
  std::string uplink{};                  // the link of the default route; empty for none
  std::string host_prefix{};             // of the names of host ends
};

/// For whom it is looked: a runtime wants a word now, a person all there is.
enum class Asker : std::uint8_t { kRuntime, kPerson };

/// Throws cni::Error where no ADD could be planned. For a person the main table is walked; else the
/// kernel is asked where the pool's ends lead.
[[nodiscard]] Subject make_subject(netlink::Socket& host, const cni::Request& request,
                                   const config::Network& network, Asker asker);

// Each adds what it finds.
void look_at_pool(const Subject& subject, Diagnoses& found);
void look_at_filters(const Subject& subject, Diagnoses& found);

/// Of a bridge with so many ports; absent while many more are free.
[[nodiscard]] std::optional<Diagnosis> look_at_number_of_ports(const std::string& bridge,
                                                               std::size_t ports);

/// Whether iptables' FORWARD drops what stays on the bridge and passes it all the same
/// (br_netfilter). Throws netlink::Error.
[[nodiscard]] bool drops_bridged(netlink::Socket& netfilter, const std::string& bridge,
                                 const base::IpPrefix& pool);

/// Everything that STATUS looks at, and doctor for each network that is configured; but for what a
/// program that gives addresses has to say.
[[nodiscard]] Diagnoses look_at_network(const cni::Request& request, const config::Network& network,
                                        const operations::Settings& settings, Asker asker);

}  // namespace conditions
