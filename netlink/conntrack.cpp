#include "netlink/conntrack.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <vector>

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>

#include "netlink/libnl.h"

namespace netlink {
namespace {

using libnl::Attributes;
using libnl::Nest;

// A walk through the kernel's table costs more than passing over a flow that was sent for nothing,
// so that from some number of ports on one walk for all of UDP is the cheaper.
constexpr std::size_t kMostWalks = 4;

// Bits of CTA_FILTER_ORIG_FLAGS: which parts of the tuple count (net/netfilter/nf_internals.h,
// CTA_FILTER_F_...; not in the kernel's public headers).
constexpr std::uint32_t kFilterProtocol = 1U << 3U;
constexpr std::uint32_t kFilterDestinationPort = 1U << 5U;

Message make_request(int type, base::Family family) {
  return libnl::make_message(
      (NFNL_SUBSYS_CTNETLINK << 8) | type, 0,
      nfgenmsg{.nfgen_family = static_cast<std::uint8_t>(libnl::address_family(family)),
               .version = NFNETLINK_V0,
               .res_id = 0});
}

void put_port(nl_msg* message, int type, std::uint16_t port) {
  libnl::check(nla_put_u16(message, type, htons(port)));
}

// The flows of UDP, of one port or of all.
Message ask_for_flows(base::Family family, std::optional<std::uint16_t> port) {
  Message request = make_request(IPCTNL_MSG_CT_GET, family);
  {
    const Nest tuple(request.get(), CTA_TUPLE_ORIG | NLA_F_NESTED);
    const Nest protocol(request.get(), CTA_TUPLE_PROTO | NLA_F_NESTED);
    libnl::put(request.get(), CTA_PROTO_NUM, std::uint8_t{IPPROTO_UDP});
    if (port) put_port(request.get(), CTA_PROTO_DST_PORT, *port);
  }
  const Nest filter(request.get(), CTA_FILTER | NLA_F_NESTED);
  libnl::put(request.get(), CTA_FILTER_ORIG_FLAGS,
             kFilterProtocol | (port ? kFilterDestinationPort : 0));
  libnl::put(request.get(), CTA_FILTER_REPLY_FLAGS, std::uint32_t{0});
  return request;
}

struct Tuple {
  std::optional<base::IpAddress> source;
  std::optional<base::IpAddress> destination;
  std::uint8_t protocol = 0;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
};

std::optional<base::IpAddress> read_address(const Attributes<CTA_IP_MAX>& ip, int v4, int v6) {
  return libnl::read_ip_address(ip.bytes(ip[v4] != nullptr ? v4 : v6));
}

Tuple read_tuple(const nlattr* nest) {
  const Attributes<CTA_TUPLE_MAX> tuple(nest);
  const Attributes<CTA_IP_MAX> ip(tuple[CTA_TUPLE_IP]);
  const Attributes<CTA_PROTO_MAX> protocol(tuple[CTA_TUPLE_PROTO]);
  const auto port = [&](int type) {
    return ntohs(protocol.number<std::uint16_t>(type).value_or(0));
  };
  return {.source = read_address(ip, CTA_IP_V4_SRC, CTA_IP_V6_SRC),
          .destination = read_address(ip, CTA_IP_V4_DST, CTA_IP_V6_DST),
          .protocol = protocol.number<std::uint8_t>(CTA_PROTO_NUM).value_or(0),
          .source_port = port(CTA_PROTO_SRC_PORT),
          .destination_port = port(CTA_PROTO_DST_PORT)};
}

// Absent for what is none of UDP, or is in a zone of its own, which somebody else has set up.
std::optional<UdpFlow> read_flow(const Attributes<CTA_MAX>& entry) {
  if (entry[CTA_ZONE] != nullptr) return std::nullopt;
  const Tuple original = read_tuple(entry[CTA_TUPLE_ORIG]);
  const Tuple reply = read_tuple(entry[CTA_TUPLE_REPLY]);
  if (original.protocol != IPPROTO_UDP || !original.destination || !reply.source)
    return std::nullopt;
  return UdpFlow{.destination = *original.destination,
                 .destination_port = original.destination_port,
                 .responder = *reply.source,
                 .responder_port = reply.source_port};
}

// With its number: a flow that ended meanwhile, and another one of the same ends, is not meant.
bool forget(Socket& socket, base::Family family, const Attributes<CTA_MAX>& entry) {
  const Message request = make_request(IPCTNL_MSG_CT_DELETE, family);
  libnl::put(request.get(), CTA_TUPLE_ORIG | NLA_F_NESTED, entry.bytes(CTA_TUPLE_ORIG));
  if (entry[CTA_ID] != nullptr) libnl::put(request.get(), CTA_ID, entry.bytes(CTA_ID));
  return socket.try_execute(request.get(), {"forget", "UDP flow"}, {ENOENT});
}

}  // namespace

std::size_t forget_udp_flows(base::Family family, std::span<const std::uint16_t> ports,
                             const std::function<bool(const UdpFlow&)>& concerns) {
  if (ports.empty()) return 0;
  std::vector<std::uint16_t> wanted(ports.begin(), ports.end());
  std::sort(wanted.begin(), wanted.end());
  Socket walker(Protocol::kNetfilter);
  Socket remover(Protocol::kNetfilter);  // a dump that is going on has its socket for itself
  std::size_t forgotten = 0;
  const auto consider = [&](const nlmsghdr* message) {
    const Attributes<CTA_MAX> entry(message, sizeof(nfgenmsg));
    const auto flow = read_flow(entry);
    if (!flow || !std::binary_search(wanted.begin(), wanted.end(), flow->destination_port)) return;
    if (concerns(*flow) && forget(remover, family, entry)) ++forgotten;
  };
  const auto walk = [&](std::optional<std::uint16_t> port) {
    const Message request = ask_for_flows(family, port);
    walker.dump(request.get(), consider, nullptr, {"list", "UDP flows"});
  };
  if (wanted.size() > kMostWalks) {
    walk(std::nullopt);
  } else {
    for (const std::uint16_t port : wanted) walk(port);
  }
  return forgotten;
}

}  // namespace netlink
