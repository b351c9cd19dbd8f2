#include "plugin/operator/commands/graph/graph.h"

#include <algorithm>
#include <array>

#include "netlink/address.h"
#include "netlink/route.h"
#include "plugin/cni/error.h"
#include "plugin/operator/commands/inspect/inspect.h"
#include "plugin/operator/files.h"
#include "plugin/operator/named.h"

namespace tool {
namespace {

constexpr Option kFormatOption = {.name = "format",
                                  .letter = 'f',
                                  .value = "FORMAT",
                                  .choices = "text|svg|html|dot|mermaid",
                                  .meaning = "of the picture; text unless given"};
constexpr Option kNetworkOption = {
    .name = "network", .letter = 'n', .value = "NAME", .meaning = "only this network"};
constexpr Option kPodOption = {
    .name = "pod", .value = "NAME", .meaning = "only the container that has this name or address"};
constexpr Option kAllOption = {.name = "all",
                               .meaning = "folds nothing; else a network shows 60 containers"};
constexpr std::array kOptions = {kFormatOption, kNetworkOption, kPodOption, kAllOption,
                                 kConfigurationsOption};

constexpr std::size_t kMostLeaves = 60;

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
            .state = sighting.state,
            .findings = sighting.findings(),
            .objects = {}};
  if (leaf.host_end.empty()) leaf.host_end = "-";
  for (const auto& address : sighting.attachment.addresses)
    leaf.addresses.push_back(address.prefix.to_string());
  return leaf;
}

Group make_group(Node& node, const Sighting& sighting) {
  const std::string_view mode = mode_of(sighting.attachment);
  const std::string& network = sighting.attachment.key.network;
  Group group{.name = network.empty() ? "-" : network,
              .via = path_of(sighting),
              .kind = mode.empty() ? "other" : std::string(mode),
              .addresses = {},
              .leaves = {}};
  if (group.kind == "other") group.via = "other";
  if (sighting.attachment.bridge_port) {
    const auto* bridge = node.find(group.via);
    if (bridge != nullptr) group.addresses = addresses_on(node, *bridge);
  }
  return group;
}

void add_objects(Node& node, const Sighting& sighting, Leaf& leaf) {
  for (const auto& objects : {look_into_container(node, sighting), look_at_host(node, sighting),
                              look_at_rules(sighting)}) {
    for (const auto& object : objects) {
      std::string text = object.verdict == Verdict::kWrong ? "✗ " : "  ";
      text += object.text + (object.problem.empty() ? "" : ": " + object.problem);
      leaf.objects.push_back(printable(text));
    }
  }
}

std::vector<Group> group(Node& node, const std::vector<Sighting>& sightings, bool with_objects) {
  std::vector<Group> groups;
  for (const auto& sighting : sightings) {
    Group fresh = make_group(node, sighting);
    auto at = std::find_if(groups.begin(), groups.end(), [&](const Group& each) {
      return each.kind == fresh.kind && each.via == fresh.via && each.name == fresh.name;
    });
    if (at == groups.end()) at = groups.insert(groups.end(), std::move(fresh));
    at->leaves.push_back(leaf_of(node, sighting));
    if (with_objects) add_objects(node, sighting, at->leaves.back());
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
  for (auto& group : graph.groups) {
    group.name = printable(group.name);
    group.via = printable(group.via);
  }
  for (auto& uplink : graph.uplinks) uplink.name = printable(uplink.name);
}

// Who is in trouble is shown first of all, and who is left keeps his place.
void fold(Group& group) {
  if (group.leaves.size() <= kMostLeaves) return;
  std::size_t left = kMostLeaves - 1;  // its last place says how many more there are
  std::vector<bool> shown(group.leaves.size());
  for (const bool troubled : {true, false}) {
    for (std::size_t i = 0; i < group.leaves.size() && left > 0; ++i) {
      const State state = group.leaves[i].state;
      if ((state != State::kUp && state != State::kOther) != troubled) continue;
      shown[i] = true;
      --left;
    }
  }
  std::vector<Leaf> leaves;
  for (std::size_t i = 0; i < group.leaves.size(); ++i) {
    if (shown[i]) leaves.push_back(std::move(group.leaves[i]));
  }
  group.folded = group.leaves.size() - leaves.size();
  group.leaves = std::move(leaves);
}

std::vector<Sighting> look(const Call& call, Node& node) {
  const auto files = read_configurations(configuration_directory(call));
  const auto directories = reservation_directories(files);
  const auto pod = call.arguments.value(kPodOption.name);
  auto sightings = pod ? find_named(node, directories, *pod) : survey(node, directories);
  if (pod && sightings.empty()) {
    throw cni::Error(cni::Code::kUnknownContainer, "nothing on this node is called " + *pod);
  }
  if (const auto network = call.arguments.value(kNetworkOption.name)) {
    std::erase_if(sightings,
                  [&](const Sighting& each) { return each.attachment.key.network != *network; });
  }
  return sightings;
}

int run_graph(const Call& call) {
  const std::string format = call.arguments.value(kFormatOption.name).value_or("text");
  Node node(call.state_directory);
  Graph graph{.groups = group(node, look(call, node), format == "html"),
              .uplinks = uplinks_of(node)};
  make_printable(graph);
  // A page that is searched has all of them.
  if (!call.arguments.has(kAllOption.name) && format != "html") {
    for (auto& each : graph.groups) fold(each);
  }
  if (format == "dot") {
    call.console.write(to_dot(graph));
  } else if (format == "mermaid") {
    call.console.write(to_mermaid(graph));
  } else if (format == "svg") {
    call.console.write(to_svg(graph));
  } else if (format == "html") {
    call.console.write(to_html(graph));
  } else {
    call.console.write(to_tree(graph, call.console));
  }
  return kFine;
}

}  // namespace

const Command kGraph = {
    .name = "graph",
    .summary = "the node's network as a picture: networks, containers, ports, uplinks",
    .details =
        "A network of more than 60 containers is folded, with those in trouble shown. The HTML "
        "page\n"
        "has all of them, searches (also behind a # of its address), and shows the objects of a\n"
        "container that is clicked.",
    .options = kOptions,
    .examples =
        "patchcord graph -n podnet\npatchcord graph --format html > node.html\n"
        "patchcord graph --format dot | dot -Tpng > node.png",
    .run = run_graph};

}  // namespace tool
