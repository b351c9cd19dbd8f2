#include "netlink/forwarding.h"

#include <linux/netconf.h>
#include <linux/rtnetlink.h>

#include "netlink/libnl.h"

namespace netlink {

bool is_forwarding(Socket& socket, base::Family family) {
  netconfmsg header{};
  header.ncm_family = static_cast<std::uint8_t>(libnl::address_family(family));
  const Message request = libnl::make_message(RTM_GETNETCONF, 0, header);
  libnl::put(request.get(), NETCONFA_IFINDEX, static_cast<std::uint32_t>(NETCONFA_IFINDEX_ALL));
  bool is_on = false;
  const auto read = [&](const nlmsghdr* message) {
    if (message->nlmsg_type != RTM_NEWNETCONF) return;
    // The header is one byte, and the attributes begin at the next multiple of four.
    const libnl::Attributes<NETCONFA_MAX> attributes(message, sizeof header);
    is_on = attributes.number<std::uint32_t>(NETCONFA_FORWARDING) == 1U;
  };
  // A refusal leaves it off.
  (void)socket.query(request.get(), read,
                     {"ask for", "forwarding of " + std::string(base::family_name(family))});
  return is_on;
}

}  // namespace netlink
