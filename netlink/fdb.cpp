#include "netlink/fdb.h"

#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "netlink/libnl.h"

namespace netlink {

std::optional<FdbEntry> find_fdb_entry(Socket& socket, int bridge, const base::MacAddress& mac,
                                       std::uint16_t vlan) {
  ndmsg header{};
  header.ndm_family = AF_BRIDGE;
  const Message request = libnl::make_message(RTM_GETNEIGH, 0, header);
  libnl::put(request.get(), NDA_LLADDR, mac.bytes());
  libnl::put(request.get(), NDA_MASTER, static_cast<std::uint32_t>(bridge));
  if (vlan != 0) libnl::check(nla_put_u16(request.get(), NDA_VLAN, vlan));
  std::optional<FdbEntry> found;
  const auto read = [&](const nlmsghdr* message) {
    if (message->nlmsg_type != RTM_NEWNEIGH) return;
    const auto* entry = static_cast<const ndmsg*>(nlmsg_data(message));
    found =
        FdbEntry{.port = entry->ndm_ifindex, .is_local = (entry->ndm_state & NUD_PERMANENT) != 0};
  };
  // A refusal of whatever kind leaves it unknown: older kernels have no such question.
  (void)socket.query(request.get(), read, {"look up", mac.to_string() + " in a bridge"});
  return found;
}

}  // namespace netlink
