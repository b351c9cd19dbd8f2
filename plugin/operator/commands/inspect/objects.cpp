// What patchcord inspect shows of an attachment's links, addresses, routes and settings.
#include <algorithm>
#include <array>

#include "netlink/address.h"
#include "netlink/neighbour.h"
#include "netlink/route.h"
#include "plugin/operator/commands/inspect/inspect.h"

namespace tool {
namespace {

using attachment::Attachment;
using base::IpAddress;
using base::IpPrefix;
using netlink::Link;

/// What is wanted of one kind, each taken off as it is found in the kernel; the rest is missing.
template <class T>
class Wants {
 public:
  Wants(std::vector<T> wanted, bool is_recorded) : wanted_(std::move(wanted)) {
    if (!is_recorded) wanted_.clear();
  }

  template <class Matches>
  [[nodiscard]] Verdict take(Matches matches) {
    const auto at = std::find_if(wanted_.begin(), wanted_.end(), matches);
    if (at == wanted_.end()) return Verdict::kBeside;
    wanted_.erase(at);
    return Verdict::kRight;
  }
  [[nodiscard]] const std::vector<T>& missing() const noexcept { return wanted_; }

 private:
  std::vector<T> wanted_;
};

void add_missing(std::string text, Objects& objects) {
  objects.push_back({.text = std::move(text), .verdict = Verdict::kWrong, .problem = "is missing"});
}

std::string text_of(const std::optional<base::MacAddress>& mac) {
  return mac ? mac->to_string() : "-";
}

Object describe_link(const Link& link, bool is_recorded, bool should_be_up) {
  Object object{.text = "link " + link.name + " mtu " + std::to_string(link.mtu) + " mac " +
                        text_of(link.mac) + (link.is_up() ? " up" : " down"),
                .verdict = is_recorded ? Verdict::kRight : Verdict::kBeside};
  if (is_recorded && should_be_up && !link.is_up()) {
    object.verdict = Verdict::kWrong;
    object.problem = "is down";
  }
  return object;
}

void look_at_addresses(netlink::Socket& socket, const Link& link, Wants<IpPrefix> wants,
                       Objects& objects) {
  for (const auto& address : netlink::addresses_of(socket, link)) {
    Object object{.text = "address " + address.prefix.to_string(),
                  .verdict = wants.take([&](const auto& each) { return each == address.prefix; })};
    if (address.failed_dad()) {
      object.verdict = Verdict::kWrong;
      object.problem = "is a duplicate of another host's";
    }
    objects.push_back(std::move(object));
  }
  for (const auto& missing : wants.missing())
    add_missing("address " + missing.to_string(), objects);
}

std::string describe_route(const IpPrefix& destination, const std::optional<IpAddress>& gateway,
                           std::uint32_t priority) {
  std::string text = "route ";
  text += destination.is_default() ? "default" : destination.to_string();
  if (gateway) text += " via " + gateway->to_string();
  if (priority != 0) text += " metric " + std::to_string(priority);
  return text;
}

/// A route as records have it: without a metric it is any.
struct WantedRoute {
  IpPrefix destination;
  std::optional<IpAddress> gateway{};
  std::uint32_t priority = 0;
};

bool is_met(const WantedRoute& wanted, const netlink::Route& route) {
  return wanted.destination == route.destination && wanted.gateway == route.gateway &&
         (wanted.priority == 0 || wanted.priority == route.priority);
}

// Those on record, and the ways to the own subnets: the kernel's with the address, or those of a
// ptp port, which lead through the gateway.
std::vector<WantedRoute> wanted_routes(const Attachment& attachment) {
  std::vector<WantedRoute> wanted;
  if (!attachment.pair.container_up) return wanted;
  const auto add = [&](const WantedRoute& route) {
    const bool is_new = std::none_of(wanted.begin(), wanted.end(), [&](const auto& each) {
      return each.destination == route.destination && each.gateway == route.gateway;
    });
    if (is_new) wanted.push_back(route);
  };
  for (const auto& [prefix, gateway] : attachment.addresses) {
    const bool behind_gateway = attachment.ptp_port && gateway;
    if (behind_gateway) add({.destination = IpPrefix::host(*gateway)});
    if (!prefix.is_host())
      add({.destination = prefix.network(), .gateway = behind_gateway ? gateway : std::nullopt});
  }
  for (const auto& route : attachment.routes)
    wanted.push_back({route.destination.network(), route.gateway, route.priority});
  return wanted;
}

void look_at_routes(netlink::Socket& socket, const Link& link, Wants<WantedRoute> wants,
                    Objects& objects) {
  for (const auto& route : netlink::routes_through(socket, link.index)) {
    objects.push_back(
        {.text = describe_route(route.destination, route.gateway, route.priority),
         .verdict = wants.take([&](const auto& each) { return is_met(each, route); })});
  }
  for (const auto& missing : wants.missing())
    add_missing(describe_route(missing.destination, missing.gateway, missing.priority), objects);
}

constexpr unsigned kNoArp = 0x40;      // NUD_NOARP: multicast, and links without neighbours
constexpr unsigned kPermanent = 0x80;  // NUD_PERMANENT

std::string describe_neighbour(const netlink::Neighbour& neighbour) {
  return "neighbour " + neighbour.address.to_string() + " at " + text_of(neighbour.mac) +
         ((neighbour.state & kPermanent) != 0 ? " permanent" : "");
}

void look_at_neighbours(netlink::Socket& socket, const Link& link, const Attachment& attachment,
                        Wants<IpAddress> wants, Objects& objects) {
  for (const auto& neighbour : netlink::neighbours_of(socket, link.index)) {
    if ((neighbour.state & kNoArp) != 0) continue;
    Object object{
        .text = describe_neighbour(neighbour),
        .verdict = wants.take([&](const auto& each) { return each == neighbour.address; })};
    if (object.verdict == Verdict::kRight && (neighbour.state & kPermanent) == 0) {
      object.verdict = Verdict::kWrong;
      object.problem = "is not permanent";
    } else if (object.verdict == Verdict::kRight && neighbour.mac != attachment.pair.host_mac) {
      object.verdict = Verdict::kWrong;
      object.problem = "is not " + attachment.pair.host_mac.to_string() + ", of the host end";
    }
    objects.push_back(std::move(object));
  }
  for (const auto& missing : wants.missing())
    add_missing("neighbour " + missing.to_string(), objects);
}

std::vector<IpPrefix> prefixes_of(const Attachment& attachment) {
  std::vector<IpPrefix> prefixes;
  for (const auto& address : attachment.addresses) prefixes.push_back(address.prefix);
  return prefixes;
}

// On the host: of a bridge, or of the host end.
std::vector<IpPrefix> wanted_host_addresses(const Attachment& attachment) {
  if (attachment.bridge_port) return attachment.bridge_port->gateways;
  std::vector<IpPrefix> wanted;
  if (attachment.routed_port) {
    constexpr unsigned kLinkLocalLength = 64;
    for (const auto& next_hop : attachment.routed_port->next_hops) {
      if (!next_hop.is_v4()) wanted.emplace_back(next_hop, kLinkLocalLength);
    }
  }
  if (attachment.ptp_port) {
    for (const auto& gateway : attachment.ptp_port->gateways)
      wanted.push_back(IpPrefix::host(gateway));
  }
  return wanted;
}

void look_at_host_end(Node& node, const Sighting& sighting, bool is_recorded, Objects& objects) {
  const auto& attachment = sighting.attachment;
  if (!sighting.host_end) {
    if (is_recorded) add_missing("link " + attachment.pair.host_name, objects);
    return;
  }
  const Link& link = *sighting.host_end;
  Object object = describe_link(link, is_recorded, true);
  const auto* master = node.find(link.master);
  if (master != nullptr) object.text += " port of " + master->name;
  if (is_recorded && attachment.bridge_port &&
      (master == nullptr || master->name != attachment.bridge_port->bridge)) {
    object.verdict = Verdict::kWrong;
    object.problem = "is no port of " + attachment.bridge_port->bridge;
  }
  objects.push_back(std::move(object));
}

// The interface of the host that has the addresses: the host end, the bridge, a VLAN's gateway.
void look_at_host_side(Node& node, const Sighting& sighting, bool is_recorded, Objects& objects) {
  const auto& attachment = sighting.attachment;
  const std::string& name = attachment::host_side_of(attachment);
  const auto* side = node.find(name);
  if (side == nullptr) {
    if (is_recorded && attachment.bridge_port) add_missing("link " + name, objects);
    return;
  }
  if (attachment.bridge_port) objects.push_back(describe_link(*side, is_recorded, true));
  look_at_addresses(node.socket(), *side, {wanted_host_addresses(attachment), is_recorded},
                    objects);
  for (const auto& address : attachment.addresses) {
    const auto neighbour =
        netlink::find_neighbour(node.socket(), side->index, address.prefix.address());
    if (neighbour && neighbour->mac)
      objects.push_back({.text = describe_neighbour(*neighbour), .verdict = Verdict::kBeside});
  }
}

// The way back: by a route to the container alone, or by one to the bridge's subnet, which there is
// only where the bridge is a gateway.
std::optional<Object> look_at_way(Node& node, const Attachment& attachment,
                                  const IpAddress& address) {
  const bool alone = attachment.routed_port || attachment.ptp_port;
  const auto route = netlink::match_route(node.socket(), address);
  if (alone && (!route || route->destination != IpPrefix::host(address)))
    return Object{.text = "route " + IpPrefix::host(address).to_string(),
                  .verdict = Verdict::kWrong,
                  .problem = "is missing"};
  if (!route) return std::nullopt;
  const auto* out = node.find(route->out_link);
  const std::string through = out == nullptr ? "?" : out->name;
  Object object{.text = describe_route(route->destination, route->gateway, route->priority) +
                        " dev " + through,
                .verdict = Verdict::kRight};
  const std::string& side = attachment::host_side_of(attachment);
  if (through == side) return object;
  object.verdict = alone ? Verdict::kWrong : Verdict::kBeside;
  if (alone) object.problem = "does not lead to " + side;
  return object;
}

void look_at_ways(Node& node, const Sighting& sighting, bool is_recorded, Objects& objects) {
  for (const auto& address : sighting.attachment.addresses) {
    auto object = look_at_way(node, sighting.attachment, address.prefix.address());
    if (!object) continue;
    if (!is_recorded) *object = {.text = std::move(object->text), .verdict = Verdict::kBeside};
    objects.push_back(std::move(*object));
  }
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kRight:
      return "right";
    case Verdict::kWrong:
      return "wrong";
    case Verdict::kBeside:
      break;
  }
  return "beside";
}

Objects look_into_container(Node& node, const Sighting& sighting) {
  Objects objects;
  const auto container = find_container(node, sighting);
  if (!container) return objects;
  const auto& attachment = sighting.attachment;
  const bool is_recorded = sighting.since.has_value();
  auto socket = netlink::Socket::in(*container, node.home());
  const auto link = netlink::find_link(socket, attachment.key.ifname);
  if (!link) {
    add_missing("link " + attachment.key.ifname, objects);
    return objects;
  }
  objects.push_back(describe_link(*link, is_recorded, attachment.pair.container_up));
  look_at_addresses(socket, *link, {prefixes_of(attachment), is_recorded}, objects);
  look_at_routes(socket, *link, {wanted_routes(attachment), is_recorded}, objects);
  look_at_neighbours(
      socket, *link, attachment,
      {attachment.routed_port ? attachment.routed_port->next_hops : std::vector<IpAddress>{},
       is_recorded},
      objects);
  return objects;
}

Objects look_at_host(Node& node, const Sighting& sighting) {
  Objects objects;
  const bool is_recorded = sighting.since.has_value();
  look_at_host_end(node, sighting, is_recorded, objects);
  look_at_host_side(node, sighting, is_recorded, objects);
  look_at_ways(node, sighting, is_recorded, objects);
  return objects;
}

}  // namespace tool
