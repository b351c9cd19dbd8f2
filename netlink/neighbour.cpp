#include "netlink/neighbour.h"

#include <cerrno>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/route/neighbour.h>

#include "netlink/libnl.h"

namespace netlink {
namespace {

using NeighbourObject = std::unique_ptr<rtnl_neigh, libnl::Deleter<rtnl_neigh_put>>;

NeighbourObject make_object(int link, const base::IpAddress& address) {
  NeighbourObject object(libnl::made(rtnl_neigh_alloc()));
  rtnl_neigh_set_ifindex(object.get(), link);
  libnl::check(rtnl_neigh_set_dst(object.get(), libnl::make_address(address).get()));
  return object;
}

std::string describe(int link, const base::IpAddress& address) {
  return address.to_string() + " dev #" + std::to_string(link);
}

std::optional<Neighbour> read_neighbour(const nlmsghdr* message) {
  if (message->nlmsg_type != RTM_NEWNEIGH) return std::nullopt;
  if (nlmsg_valid_hdr(message, static_cast<int>(sizeof(ndmsg))) == 0) return std::nullopt;
  const auto* header = static_cast<const ndmsg*>(nlmsg_data(message));
  const libnl::Attributes<NDA_MAX> attributes(message, sizeof *header);
  const auto address = libnl::read_ip_address(attributes.bytes(NDA_DST));
  if (!address) return std::nullopt;
  return Neighbour{.link = header->ndm_ifindex,
                   .address = *address,
                   .mac = base::MacAddress::from_bytes(attributes.bytes(NDA_LLADDR)),
                   .state = header->ndm_state};
}

}  // namespace

void set_permanent_neighbour(Socket& socket, int link, const base::IpAddress& address,
                             const base::MacAddress& mac) {
  const NeighbourObject object = make_object(link, address);
  rtnl_neigh_set_lladdr(object.get(), libnl::make_address(mac).get());
  rtnl_neigh_set_state(object.get(), NUD_PERMANENT);
  const Message request = libnl::build_request(rtnl_neigh_build_add_request, object.get(),
                                               NLM_F_CREATE | NLM_F_REPLACE);
  socket.execute(request.get(), {"set neighbour", describe(link, address)});
}

std::optional<Neighbour> find_neighbour(Socket& socket, int link, const base::IpAddress& address) {
  ndmsg header{};
  header.ndm_family = static_cast<std::uint8_t>(libnl::address_family(address.family()));
  header.ndm_ifindex = link;
  const Message request = libnl::make_message(RTM_GETNEIGH, 0, header);
  libnl::put(request.get(), NDA_DST, address.bytes());
  std::optional<Neighbour> found;
  socket.try_query(request.get(), [&](const nlmsghdr* message) { found = read_neighbour(message); },
                   {"look up neighbour", describe(link, address)}, {ENOENT, ENODEV});
  return found;
}

std::vector<Neighbour> neighbours_of(Socket& socket, int link) {
  const Message request = libnl::make_message(RTM_GETNEIGH, 0, ndmsg{});
  libnl::put(request.get(), NDA_IFINDEX, static_cast<std::uint32_t>(link));
  std::vector<Neighbour> all;
  socket.dump(
      request.get(),
      [&](const nlmsghdr* message) {
        const auto found = read_neighbour(message);
        if (found && found->link == link) all.push_back(*found);
      },
      [&] { all.clear(); }, {"list neighbours of", "link #" + std::to_string(link)});
  return all;
}

std::vector<NeighbourTable> neighbour_tables(Socket& socket) {
  const Message request = libnl::make_message(RTM_GETNEIGHTBL, 0, ndtmsg{});
  std::vector<NeighbourTable> tables;
  const auto read = [&](const nlmsghdr* message) {
    const libnl::Attributes<NDTA_MAX> table(message, sizeof(ndtmsg));
    const auto config = table.number<ndt_config>(NDTA_CONFIG);
    const auto most = table.number<std::uint32_t>(NDTA_THRESH3);
    const auto name = table.text(NDTA_NAME);
    if (!config || !most || (name != "arp_cache" && name != "ndisc_cache")) return;
    tables.push_back({.family = name == "arp_cache" ? base::Family::kIpv4 : base::Family::kIpv6,
                      .entries = config->ndtc_entries,
                      .most = *most});
  };
  socket.dump(request.get(), read, [&] { tables.clear(); }, {"list", "tables of neighbours"});
  return tables;
}

bool remove_neighbour(Socket& socket, int link, const base::IpAddress& address) {
  const NeighbourObject object = make_object(link, address);
  const Message request = libnl::build_request(rtnl_neigh_build_delete_request, object.get(), 0);
  return socket.try_execute(request.get(), {"remove neighbour", describe(link, address)},
                            {ENOENT, ENODEV});
}

}  // namespace netlink
