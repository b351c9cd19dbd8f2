#pragma once

#include <string>
#include <vector>

#include "plugin/operator/survey.h"
#include "plugin/operator/table.h"

/// The node's network as a picture.
namespace tool {

/// One container's interface, with the host's end of it.
struct Leaf {
  std::string title;
  std::string ifname;
  std::string host_end;
  std::vector<std::string> addresses;
  std::vector<std::string> routes;  // of the host, to it
  std::vector<std::string> ports;
  State state = State::kUp;
};

/// What host ends are behind: a bridge, or the node as a router.
struct Group {
  std::string name;
  std::string kind;  // "bridge", "routed", "ptp", "other"
  std::vector<std::string> addresses;
  std::vector<Leaf> leaves;
};

/// The way out of the node.
struct Uplink {
  std::string name;
  std::vector<std::string> addresses;
  std::vector<std::string> routes;
};

struct Graph {
  std::vector<Group> groups;
  std::vector<Uplink> uplinks;
};

[[nodiscard]] std::string to_tree(const Graph& graph, const Console& console);
[[nodiscard]] std::string to_dot(const Graph& graph);
[[nodiscard]] std::string to_mermaid(const Graph& graph);
[[nodiscard]] std::string to_svg(const Graph& graph);

}  // namespace tool
