#pragma once

#include <string>
#include <vector>

#include "plugin/operator/survey.h"
#include "plugin/operator/table.h"

/// The node's network as a picture.
namespace tool {

/// One interface of a container, with the host's end of it.
struct Leaf {
  std::string title;
  std::string ifname;
  std::string host_end;
  std::vector<std::string> addresses;
  std::vector<std::string> routes;  // of the host, to it
  std::vector<std::string> ports;
  State state = State::kUp;
  std::vector<std::string> findings;
  std::vector<std::string> objects;  // what the kernel has of it, for who asks for more
};

/// A network, as far as it is behind one bridge, or the node as its router.
struct Group {
  std::string name;  // the network's; "-" where nobody knows
  std::string via;   // the bridge's name, or the kind
  std::string kind;  // "bridge", "routed", "ptp", "other"
  std::vector<std::string> addresses;
  std::vector<Leaf> leaves;
  std::size_t folded = 0;  // leaves that are not shown
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

/// "… and 241 more", where some are folded; empty where none is.
[[nodiscard]] std::string fold_text(const Group& group);
/// "bridge pcbr0", or how the node routes.
[[nodiscard]] std::string way_of(const Group& group);

[[nodiscard]] std::string to_tree(const Graph& graph, const Console& console);
[[nodiscard]] std::string to_dot(const Graph& graph);
[[nodiscard]] std::string to_mermaid(const Graph& graph);
[[nodiscard]] std::string to_svg(const Graph& graph);
/// The SVG in a page that searches, and shows what is clicked; nothing outside of it is asked for.
[[nodiscard]] std::string to_html(const Graph& graph);

/// For text and attributes of XML.
[[nodiscard]] std::string escape_xml(std::string_view text);

}  // namespace tool
