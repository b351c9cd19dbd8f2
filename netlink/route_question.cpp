#include "netlink/route_question.h"

#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include "netlink/libnl.h"

namespace netlink {
namespace {

using libnl::Attributes;

void put_port(nl_msg* message, int type, std::uint16_t port) {
  if (port != 0) libnl::check(nla_put_u16(message, type, htons(port)));
}

Message make_question(const RouteQuestion& question, unsigned flags) {
  rtmsg header{};
  header.rtm_family =
      static_cast<std::uint8_t>(libnl::address_family(question.destination.family()));
  header.rtm_dst_len = static_cast<std::uint8_t>(question.destination.bits());
  header.rtm_flags = flags;
  if (question.source) header.rtm_src_len = static_cast<std::uint8_t>(question.source->bits());
  Message request = libnl::make_message(RTM_GETROUTE, 0, header);
  libnl::put(request.get(), RTA_DST, question.destination.bytes());
  if (question.source) libnl::put(request.get(), RTA_SRC, question.source->bytes());
  if (question.in_link != 0)
    libnl::put(request.get(), RTA_IIF, static_cast<std::uint32_t>(question.in_link));
  if (question.protocol != 0) libnl::put(request.get(), RTA_IP_PROTO, question.protocol);
  put_port(request.get(), RTA_SPORT, question.source_port);
  put_port(request.get(), RTA_DPORT, question.destination_port);
  return request;
}

// Of IPv4 by a next hop of IPv6 (RFC 5549).
std::optional<base::IpAddress> read_gateway(const Attributes<RTA_MAX>& attributes) {
  if (attributes[RTA_VIA] == nullptr) return libnl::read_ip_address(attributes.bytes(RTA_GATEWAY));
  constexpr std::size_t kFamily = 2;
  const auto via = attributes.bytes(RTA_VIA);
  return via.size() > kFamily ? libnl::read_ip_address(via.subspan(kFamily)) : std::nullopt;
}

std::optional<base::IpPrefix> read_destination(const rtmsg& header,
                                               std::span<const std::uint8_t> bytes) {
  static constexpr std::array<std::uint8_t, 16> kZero{};
  const std::size_t size = header.rtm_family == AF_INET ? 4 : 16;
  if (bytes.size() != size) bytes = std::span(kZero).first(size);
  return base::IpPrefix(base::IpAddress::from_bytes(bytes), header.rtm_dst_len);
}

// Of a multipath entry the first hop, as an example.
void read_hop(const nlattr* multipath, Route& route) {
  const auto* hop = static_cast<const rtnexthop*>(nla_data(multipath));
  if (!RTNH_OK(hop, nla_len(multipath))) return;
  const Attributes<RTA_MAX> attributes(
      const_cast<nlattr*>(reinterpret_cast<const nlattr*>(RTNH_DATA(hop))),
      static_cast<int>(hop->rtnh_len - sizeof *hop));
  route.out_link = hop->rtnh_ifindex;
  route.gateway = read_gateway(attributes);
}

std::optional<Route> read_route(const nlmsghdr* message) {
  if (message->nlmsg_type != RTM_NEWROUTE) return std::nullopt;
  const auto* header = static_cast<const rtmsg*>(nlmsg_data(message));
  const Attributes<RTA_MAX> attributes(message, sizeof *header);
  Route route;
  route.destination = read_destination(*header, attributes.bytes(RTA_DST)).value();
  route.source = libnl::read_ip_address(attributes.bytes(RTA_PREFSRC));
  route.out_link = attributes.number<int>(RTA_OIF).value_or(0);
  route.gateway = read_gateway(attributes);
  route.priority = attributes.number<std::uint32_t>(RTA_PRIORITY).value_or(0);
  route.type = header->rtm_type;
  const auto table = attributes.number<std::uint32_t>(RTA_TABLE).value_or(header->rtm_table);
  if (table != RT_TABLE_MAIN && table != RT_TABLE_UNSPEC) route.table = table;
  if (attributes[RTA_MULTIPATH] != nullptr) read_hop(attributes[RTA_MULTIPATH], route);
  return route;
}

Ack ask(Socket& socket, const RouteQuestion& question, unsigned flags,
        std::optional<Route>& answer) {
  const Message request = make_question(question, flags);
  return socket.query(request.get(), [&](const nlmsghdr* message) { answer = read_route(message); },
                      {"look up route to", question.destination.to_string()});
}

}  // namespace

RouteAnswer ask_route(Socket& socket, const RouteQuestion& question) {
  RouteAnswer answer;
  answer.error = ask(socket, question, 0, answer.way).code;
  // What forbids is an entry, too, which IPv6 tells and IPv4 does not.
  (void)ask(socket, question, RTM_F_FIB_MATCH, answer.entry);
  return answer;
}

}  // namespace netlink
