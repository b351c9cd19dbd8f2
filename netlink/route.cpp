#include "netlink/route.h"

#include <cerrno>

#include <linux/rtnetlink.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

#include "netlink/libnl.h"

namespace netlink {
namespace {

using base::Family;
using RouteObject = std::unique_ptr<rtnl_route, libnl::Deleter<rtnl_route_put>>;
using libnl::Attributes;

std::uint8_t scope_of(const Route& route) {
  if (route.scope) return *route.scope;
  const bool leads_to_link =
      route.destination.family() == Family::kIpv4 && !route.gateway && route.type == RTN_UNICAST;
  return leads_to_link ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

// libnl takes the next hop over.
void add_next_hop(rtnl_route* object, const Route& route) {
  if (route.out_link == 0 && !route.gateway) return;
  rtnl_nexthop* hop = libnl::made(rtnl_route_nh_alloc());
  rtnl_route_nh_set_ifindex(hop, route.out_link);
  if (route.gateway) {
    rtnl_route_nh_set_gateway(hop, libnl::make_address(*route.gateway).get());
  }
  if (route.onlink) rtnl_route_nh_set_flags(hop, RTNH_F_ONLINK);
  rtnl_route_add_nexthop(object, hop);
}

RouteObject make_object(std::span<const Route> hops) {
  const Route& route = hops.front();
  RouteObject object(libnl::made(rtnl_route_alloc()));
  const auto destination = libnl::make_address(route.destination.network());
  libnl::check(rtnl_route_set_dst(object.get(), destination.get()));
  rtnl_route_set_table(object.get(), route.table.value_or(RT_TABLE_MAIN));
  rtnl_route_set_scope(object.get(), scope_of(route));
  rtnl_route_set_protocol(object.get(), route.protocol);
  rtnl_route_set_priority(object.get(), route.priority);
  libnl::check(rtnl_route_set_type(object.get(), route.type));
  if (route.source) {
    const auto source = libnl::make_address(*route.source);
    libnl::check(rtnl_route_set_pref_src(object.get(), source.get()));
  }
  if (route.mtu != 0) libnl::check(rtnl_route_set_metric(object.get(), RTAX_MTU, route.mtu));
  if (route.advmss != 0) {
    libnl::check(rtnl_route_set_metric(object.get(), RTAX_ADVMSS, route.advmss));
  }
  for (const Route& hop : hops) add_next_hop(object.get(), hop);
  return object;
}

std::span<const Route> alone(const Route& route) {
  return {&route, 1};
}

Message make_add_request(std::span<const Route> hops, int flags) {
  return libnl::build_request(rtnl_route_build_add_request, make_object(hops).get(), flags);
}

bool add(Socket& socket, std::span<const Route> hops, int flags) {
  const Message request = make_add_request(hops, flags);
  return socket.try_execute(request.get(), {"add route", to_string(hops.front())}, {EEXIST});
}

// Absent for another message than a route.
const rtmsg* header_of(const nlmsghdr* message) {
  if (message->nlmsg_type != RTM_NEWROUTE) return nullptr;
  if (nlmsg_valid_hdr(message, static_cast<int>(sizeof(rtmsg))) == 0) return nullptr;
  const auto* header = static_cast<const rtmsg*>(nlmsg_data(message));
  const bool is_ip = header->rtm_family == AF_INET || header->rtm_family == AF_INET6;
  return is_ip ? header : nullptr;
}

// A default route has no RTA_DST.
base::IpPrefix read_destination(const rtmsg& header, std::span<const std::uint8_t> bytes) {
  static constexpr std::array<std::uint8_t, 16> kZero{};
  const std::size_t size = header.rtm_family == AF_INET ? 4 : 16;
  if (bytes.size() != size) bytes = std::span(kZero).first(size);
  return {base::IpAddress::from_bytes(bytes), header.rtm_dst_len};
}

// What all next hops of a route have in common.
Route read_common(const rtmsg& header, const Attributes<RTA_MAX>& attributes) {
  const Attributes<RTAX_MAX> metrics(attributes[RTA_METRICS]);
  Route route;
  route.destination = read_destination(header, attributes.bytes(RTA_DST));
  route.source = libnl::read_ip_address(attributes.bytes(RTA_PREFSRC));
  route.scope = header.rtm_scope;
  const auto table = attributes.number<std::uint32_t>(RTA_TABLE).value_or(header.rtm_table);
  if (table != RT_TABLE_MAIN) route.table = table;
  route.priority = attributes.number<std::uint32_t>(RTA_PRIORITY).value_or(0);
  route.mtu = metrics.number<std::uint32_t>(RTAX_MTU).value_or(0);
  route.advmss = metrics.number<std::uint32_t>(RTAX_ADVMSS).value_or(0);
  route.protocol = header.rtm_protocol;
  route.type = header.rtm_type;
  return route;
}

Route with_hop(Route route, int out_link, unsigned flags, std::span<const std::uint8_t> gateway) {
  route.out_link = out_link;
  route.onlink = (flags & RTNH_F_ONLINK) != 0;
  route.gateway = libnl::read_ip_address(gateway);
  return route;
}

void read_hops(const Route& common, const nlattr* multipath, std::vector<Route>& routes) {
  auto* hop = static_cast<rtnexthop*>(nla_data(multipath));
  for (int left = nla_len(multipath); RTNH_OK(hop, left);) {
    const int size = static_cast<int>(RTNH_ALIGN(hop->rtnh_len));
    const Attributes<RTA_MAX> attributes(reinterpret_cast<nlattr*>(RTNH_DATA(hop)),
                                         static_cast<int>(hop->rtnh_len - sizeof *hop));
    routes.push_back(
        with_hop(common, hop->rtnh_ifindex, hop->rtnh_flags, attributes.bytes(RTA_GATEWAY)));
    left -= size;
    hop = RTNH_NEXT(hop);
  }
}

// Appends one Route a next hop.
void read_route(const nlmsghdr* message, std::vector<Route>& routes) {
  const rtmsg* header = header_of(message);
  if (header == nullptr) return;
  const Attributes<RTA_MAX> attributes(message, sizeof *header);
  const Route common = read_common(*header, attributes);
  if (const nlattr* multipath = attributes[RTA_MULTIPATH]) {
    read_hops(common, multipath, routes);
    return;
  }
  routes.push_back(with_hop(common, attributes.number<int>(RTA_OIF).value_or(0), header->rtm_flags,
                            attributes.bytes(RTA_GATEWAY)));
}

std::vector<Route> dump_routes(Socket& socket, nl_msg* request, const What& what) {
  std::vector<Route> routes;
  try {
    socket.dump(
        request, [&](const nlmsghdr* message) { read_route(message, routes); },
        [&] { routes.clear(); }, what);
  } catch (const Error& error) {
    // The table was never used, the link is gone.
    if (error.code() != ENOENT && error.code() != ENODEV) throw;
    routes.clear();
  }
  return routes;
}

Message make_match_request(const base::IpAddress& address) {
  rtmsg header{};
  header.rtm_family = static_cast<std::uint8_t>(libnl::address_family(address.family()));
  header.rtm_dst_len = static_cast<std::uint8_t>(address.bits());
  header.rtm_flags = RTM_F_FIB_MATCH;
  Message request = libnl::make_message(RTM_GETROUTE, 0, header);
  libnl::put(request.get(), RTA_DST, address.bytes());
  return request;
}

}  // namespace

std::string to_string(const Route& route) {
  std::string text = route.destination.network().to_string();
  if (route.gateway) text += " via " + route.gateway->to_string();
  if (!route.link_name.empty()) {
    text += " dev " + route.link_name;
  } else if (route.out_link != 0) {
    text += " dev #" + std::to_string(route.out_link);
  }
  if (route.table) text += " table " + std::to_string(*route.table);
  if (route.priority != 0) text += " metric " + std::to_string(route.priority);
  return text;
}

bool add_route(Socket& socket, const Route& route) {
  return add(socket, alone(route), NLM_F_CREATE | NLM_F_EXCL);
}

bool add_route(Socket& socket, std::span<const Route> hops) {
  return add(socket, hops, NLM_F_CREATE | NLM_F_EXCL);
}

bool add_route_before(Socket& socket, std::span<const Route> hops) {
  return add(socket, hops, NLM_F_CREATE);
}

Claim claim_address(Socket& socket, const Route& route) {
  const Message look = make_match_request(route.destination.address());
  const Message add = make_add_request(alone(route), NLM_F_CREATE | NLM_F_EXCL);
  const std::array<nl_msg*, 2> requests{look.get(), add.get()};
  const What what{"add route", to_string(route)};
  std::vector<Route> found;
  auto acks = socket.transact_all(requests, what,
                                  [&](const nlmsghdr* message) { read_route(message, found); });
  Ack& added = acks.back();
  if (added.code != 0 && added.code != EEXIST)
    throw Error(what.operation, what.object, added.code, std::move(added.text));
  Claim claim{.is_made = added.code == 0};
  if (!found.empty() && found.front().destination == route.destination)
    claim.earlier = std::move(found.front());
  return claim;
}

bool remove_route(Socket& socket, const Route& route) {
  Route any = route;
  any.protocol = RTPROT_UNSPEC;
  const Message request =
      libnl::build_request(rtnl_route_build_del_request, make_object(alone(any)).get(), 0);
  return socket.try_execute(request.get(), {"remove route", to_string(route)}, {ESRCH, ENOENT});
}

std::vector<Route> match_routes(Socket& socket, const base::IpAddress& address) {
  const Message request = make_match_request(address);
  std::vector<Route> found;
  // The last three are what an IPv4 route of type unreachable, blackhole or prohibit comes to.
  socket.try_query(request.get(), [&](const nlmsghdr* message) { read_route(message, found); },
                   {"look up route to", address.to_string()},
                   {ENETUNREACH, ESRCH, ENOENT, EHOSTUNREACH, EINVAL, EACCES});
  return found;
}

std::optional<Route> match_route(Socket& socket, const base::IpAddress& address) {
  const auto found = match_routes(socket, address);
  return found.empty() ? std::nullopt : std::optional(found.front());
}

std::vector<Route> routes_through(Socket& socket, int out_link) {
  std::vector<Route> routes;
  for (const int family : {AF_INET, AF_INET6}) {
    rtmsg header{};
    header.rtm_family = static_cast<std::uint8_t>(family);
    header.rtm_type = RTN_UNICAST;
    const Message request = libnl::make_message(RTM_GETROUTE, 0, header);
    libnl::put(request.get(), RTA_OIF, static_cast<std::uint32_t>(out_link));
    auto found = dump_routes(socket, request.get(),
                             {"list routes through link", "#" + std::to_string(out_link)});
    routes.insert(routes.end(), found.begin(), found.end());
  }
  // Of a multipath route the other hops are listed, too; and a kernel without strict checking
  // (before 4.20) lists everything.
  std::erase_if(routes, [&](const Route& route) {
    return route.out_link != out_link || route.type != RTN_UNICAST ||
           route.table == std::uint32_t{RT_TABLE_LOCAL};
  });
  return routes;
}

std::vector<Route> routes_of_protocol(Socket& socket, std::uint8_t protocol) {
  std::vector<Route> routes;
  for (const int family : {AF_INET, AF_INET6}) {
    rtmsg header{};
    header.rtm_family = static_cast<std::uint8_t>(family);
    header.rtm_table = RT_TABLE_MAIN;
    header.rtm_protocol = protocol;
    const Message request = libnl::make_message(RTM_GETROUTE, 0, header);
    const auto found = dump_routes(socket, request.get(), {"list", "routes of blocks"});
    routes.insert(routes.end(), found.begin(), found.end());
  }
  // A kernel without strict checking (before 4.20) lists everything.
  std::erase_if(routes,
                [&](const Route& route) { return route.protocol != protocol || route.table; });
  return routes;
}

std::vector<Route> main_routes(Socket& socket, base::Family family) {
  rtmsg header{};
  header.rtm_family = static_cast<std::uint8_t>(libnl::address_family(family));
  header.rtm_table = RT_TABLE_MAIN;
  const Message request = libnl::make_message(RTM_GETROUTE, 0, header);
  auto routes = dump_routes(socket, request.get(), {"list", "routes"});
  std::erase_if(routes, [&](const Route& route) {
    return route.table || route.destination.family() != family;
  });
  return routes;
}

std::vector<Route> default_routes(Socket& socket, base::Family family) {
  auto routes = main_routes(socket, family);
  std::erase_if(routes, [](const Route& route) { return !route.destination.is_default(); });
  return routes;
}

}  // namespace netlink
