#include "netlink/counters.h"

#include <cerrno>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "netlink/libnl.h"

namespace netlink {
namespace {

// RTM_GETSTATS, since Linux 4.7: the counters and nothing else of a link.
Message make_request(int link) {
  if_stats_msg header{};
  header.ifindex = static_cast<std::uint32_t>(link);
  header.filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64);
  return libnl::make_message(RTM_GETSTATS, 0, header);
}

void read_counters(const nlmsghdr* message, std::map<int, Counters>& all) {
  if (message->nlmsg_type != RTM_NEWSTATS) return;
  if (nlmsg_valid_hdr(message, static_cast<int>(sizeof(if_stats_msg))) == 0) return;
  const auto* header = static_cast<const if_stats_msg*>(nlmsg_data(message));
  const libnl::Attributes<IFLA_STATS_MAX> attributes(message, sizeof *header);
  const auto stats = attributes.number<rtnl_link_stats64>(IFLA_STATS_LINK_64);
  if (!stats) return;
  all[static_cast<int>(header->ifindex)] = {.received_bytes = stats->rx_bytes,
                                            .received_packets = stats->rx_packets,
                                            .received_dropped = stats->rx_dropped,
                                            .sent_bytes = stats->tx_bytes,
                                            .sent_packets = stats->tx_packets,
                                            .sent_dropped = stats->tx_dropped};
}

}  // namespace

std::optional<Counters> counters_of(Socket& socket, int link) {
  const Message request = make_request(link);
  std::map<int, Counters> all;
  socket.try_query(request.get(), [&](const nlmsghdr* message) { read_counters(message, all); },
                   {"read the counters of link", "#" + std::to_string(link)}, {ENODEV});
  const auto at = all.find(link);
  return at == all.end() ? std::nullopt : std::optional(at->second);
}

std::map<int, Counters> all_counters(Socket& socket) {
  const Message request = make_request(0);
  std::map<int, Counters> all;
  socket.dump(
      request.get(), [&](const nlmsghdr* message) { read_counters(message, all); },
      [&] { all.clear(); }, {"read the counters of", "links"});
  return all;
}

}  // namespace netlink
