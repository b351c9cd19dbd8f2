#include "plugin/operator/commands/graph/graph.h"

#include <algorithm>
#include <array>

#include "netlink/address.h"
#include "netlink/route.h"
#include "plugin/operator/files.h"

namespace tool {
namespace {

constexpr Option kFormatOption = {.name = "format",
                                  .letter = 'f',
                                  .value = "FORMAT",
                                  .choices = "text|dot|mermaid|svg",
                                  .meaning = "of the picture; text unless given"};
constexpr std::array kOptions = {kFormatOption, kConfigurationsOption};

constexpr std::uint8_t kScopeLink = 253;

std::vector<std::string> addresses_on(Node& node, const netlink::Link& link) {
  std::vector<std::string> texts;
  for (const auto& address : netlink::addresses_of(node.socket(), link)) {
    if (address.scope < kScopeLink) texts.push_back(address.prefix.to_string());
  }
  return texts;
}

// Routes that lead to this container and to nobody else.
std::vector<std::string> routes_to(Node& node, const Sighting& sighting) {
  std::vector<std::string> texts;
  if (!sighting.host_end || sighting.attachment.bridge_port) return texts;
  for (const auto& address : sighting.attachment.addresses) {
    const auto route = netlink::match_route(node.socket(), address.prefix.address());
    if (route && route->out_link == sighting.host_end->index)
      texts.push_back(route->destination.to_string());
  }
  return texts;
}

Leaf leaf_of(Node& node, const Sighting& sighting) {
  Leaf leaf{.title = title_of(sighting),
            .ifname = printable(sighting.attachment.key.ifname),
            .host_end = printable(sighting.attachment.pair.host_name),
            .addresses = {},
            .routes = routes_to(node, sighting),
            .ports = ports_of(sighting),
            .state = sighting.state};
  if (leaf.host_end.empty()) leaf.host_end = "-";
  for (const auto& address : sighting.attachment.addresses)
    leaf.addresses.push_back(address.prefix.to_string());
  return leaf;
}

Group make_group(Node& node, const Sighting& sighting) {
  const std::string_view mode = mode_of(sighting.attachment);
  Group group{.name = path_of(sighting),
              .kind = mode.empty() ? "other" : std::string(mode),
              .addresses = {},
              .leaves = {}};
  if (group.kind == "other") group.name = "other";
  if (sighting.attachment.bridge_port) {
    const auto* bridge = node.find(group.name);
    if (bridge != nullptr) group.addresses = addresses_on(node, *bridge);
  }
  return group;
}

std::vector<Group> group(Node& node, const std::vector<Sighting>& sightings) {
  std::vector<Group> groups;
  for (const auto& sighting : sightings) {
    Group fresh = make_group(node, sighting);
    auto at = std::find_if(groups.begin(), groups.end(), [&](const Group& each) {
      return each.kind == fresh.kind && each.name == fresh.name;
    });
    if (at == groups.end()) at = groups.insert(groups.end(), std::move(fresh));
    at->leaves.push_back(leaf_of(node, sighting));
  }
  return groups;
}

std::vector<Uplink> uplinks_of(Node& node) {
  std::vector<Uplink> uplinks;
  for (const auto family : {base::Family::kIpv4, base::Family::kIpv6}) {
    for (const auto& route : netlink::default_routes(node.socket(), family)) {
      const auto* link = node.find(route.out_link);
      if (link == nullptr) continue;
      auto at = std::find_if(uplinks.begin(), uplinks.end(),
                             [&](const Uplink& each) { return each.name == link->name; });
      if (at == uplinks.end()) {
        at = uplinks.insert(
            uplinks.end(),
            {.name = link->name, .addresses = addresses_on(node, *link), .routes = {}});
      }
      at->routes.push_back("default" +
                           (route.gateway ? " via " + route.gateway->to_string() : std::string()));
    }
  }
  return uplinks;
}

// Only now: until here they are told apart by their names as they are.
void make_printable(Graph& graph) {
  for (auto& group : graph.groups) group.name = printable(group.name);
  for (auto& uplink : graph.uplinks) uplink.name = printable(uplink.name);
}

int run_graph(const Call& call) {
  Node node(call.state_directory);
  const auto files = read_configurations(configuration_directory(call));
  const auto sightings = survey(node, reservation_directories(files));
  Graph graph{.groups = group(node, sightings), .uplinks = uplinks_of(node)};
  make_printable(graph);
  const std::string format = call.arguments.value(kFormatOption.name).value_or("text");
  if (format == "dot") {
    call.console.write(to_dot(graph));
  } else if (format == "mermaid") {
    call.console.write(to_mermaid(graph));
  } else if (format == "svg") {
    call.console.write(to_svg(graph));
  } else {
    call.console.write(to_tree(graph, call.console));
  }
  return kFine;
}

}  // namespace

const Command kGraph = {
    .name = "graph",
    .summary = "the node's network as a picture: bridges, routes, veth pairs, containers, ports",
    .options = kOptions,
    .examples =
        "patchcord graph\npatchcord graph --format svg > node.svg\n"
        "patchcord graph --format dot | dot -Tpng > node.png",
    .run = run_graph};

}  // namespace tool
