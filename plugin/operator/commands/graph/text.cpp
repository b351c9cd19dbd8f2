// The picture of patchcord graph as text, DOT and Mermaid.
#include "plugin/operator/commands/graph/graph.h"
#include "plugin/operator/format.h"

namespace tool {
namespace {

Tone tone_of(State state) {
  if (state == State::kUp) return Tone::kGood;
  return state == State::kBroken ? Tone::kBad : Tone::kWarning;
}

void append_leaf(const Leaf& leaf, const std::string& stem, bool is_last, const Console& console,
                 std::string& text) {
  const std::string below = stem + (is_last ? "   " : "│  ");
  text +=
      stem + (is_last ? "└─ " : "├─ ") + leaf.host_end + " ── " + leaf.ifname + " " + leaf.title;
  if (leaf.state != State::kUp && leaf.state != State::kOther)
    text += "  " + paint(console, to_string(leaf.state), tone_of(leaf.state));
  text += "\n";
  if (!leaf.addresses.empty()) text += below + "     " + join(leaf.addresses, "  ") + "\n";
  for (const auto& route : leaf.routes) text += below + "     route " + route + "\n";
  for (const auto& port : leaf.ports) text += below + "     port " + port + "\n";
}

// Both languages take a text in double quotes.
std::string quoted(std::string_view text, std::string_view line_break) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"') {
      result += '\'';
    } else if (c == '\n') {
      result += line_break;
    } else if (c != '\\') {
      result += c;
    }
  }
  return result + "\"";
}

std::string label_of(const Leaf& leaf) {
  std::string label = leaf.title + "\n" + leaf.ifname;
  for (const auto& address : leaf.addresses) label += "\n" + address;
  if (leaf.state != State::kUp && leaf.state != State::kOther)
    label += "\n" + std::string(to_string(leaf.state));
  return label;
}

std::string label_of(const Group& group) {
  std::string label = group.name + "\n" + way_of(group);
  for (const auto& address : group.addresses) label += "\n" + address;
  return label;
}

std::string label_of(const Uplink& uplink) {
  std::string label = uplink.name;
  for (const auto& address : uplink.addresses) label += "\n" + address;
  for (const auto& route : uplink.routes) label += "\n" + route;
  return label;
}

std::string edge_label(const Leaf& leaf) {
  std::string label = leaf.host_end;
  for (const auto& route : leaf.routes) label += "\n" + route;
  for (const auto& port : leaf.ports) label += "\n" + port;
  return label;
}

std::string id(std::string_view kind, std::size_t number) {
  return std::string(kind) + std::to_string(number);
}

std::string_view colour_of(State state) {
  if (state == State::kUp) return "#2a7d46";
  if (state == State::kOther) return "#51687d";
  return state == State::kBroken ? "#b3261e" : "#b26a00";
}

// A box for all that are not shown.
std::string folded_node(const Group& group, const std::string& name) {
  return name + " [style=dashed, label=" + quoted(fold_text(group), "\\n") + "];\n";
}

}  // namespace

std::string fold_text(const Group& group) {
  return group.folded == 0 ? "" : "… and " + std::to_string(group.folded) + " more";
}

std::string way_of(const Group& group) {
  if (group.kind == "bridge") return "bridge " + group.via;
  if (group.kind == "routed") return "routed, the node as router";
  if (group.kind == "ptp") return "ptp, a link each, the node as router";
  return "made by other plugins";
}

std::string to_tree(const Graph& graph, const Console& console) {
  std::string text = "host\n";
  std::size_t left = graph.groups.size() + graph.uplinks.size();
  for (const auto& group : graph.groups) {
    const bool is_last = --left == 0;
    const std::string stem = is_last ? "   " : "│  ";
    text += std::string(is_last ? "└─ " : "├─ ") + group.name + "  " + way_of(group);
    if (!group.addresses.empty()) text += "  " + join(group.addresses, "  ");
    text += "\n";
    for (std::size_t i = 0; i < group.leaves.size(); ++i) {
      const bool ends = i + 1 == group.leaves.size() && group.folded == 0;
      append_leaf(group.leaves[i], stem, ends, console, text);
    }
    if (group.folded > 0) text += stem + "└─ " + fold_text(group) + "; --all has them\n";
  }
  for (const auto& uplink : graph.uplinks) {
    const bool is_last = --left == 0;
    text += std::string(is_last ? "└─ " : "├─ ") + uplink.name + "  uplink  " +
            join(uplink.addresses, "  ") + "\n";
    for (const auto& route : uplink.routes)
      text += std::string(is_last ? "   " : "│  ") + "   " + route + "\n";
  }
  return text;
}

std::string to_dot(const Graph& graph) {
  std::string text =
      "graph \"node\" {\n  rankdir=LR;\n  node [shape=box, fontname=\"monospace\"];\n"
      "  edge [fontname=\"monospace\", fontsize=10];\n"
      "  subgraph cluster_host {\n    label=\"host\";\n";
  for (std::size_t i = 0; i < graph.groups.size(); ++i)
    text += "    " + id("g", i) + " [label=" + quoted(label_of(graph.groups[i]), "\\n") + "];\n";
  for (std::size_t i = 0; i < graph.uplinks.size(); ++i) {
    text += "    " + id("u", i) +
            " [style=rounded, label=" + quoted(label_of(graph.uplinks[i]), "\\n") + "];\n";
  }
  text += "  }\n";
  std::size_t number = 0;
  for (std::size_t i = 0; i < graph.groups.size(); ++i) {
    const auto& group = graph.groups[i];
    text +=
        "  subgraph " + id("cluster_g", i) + " {\n    label=" + quoted(group.name, "\\n") + ";\n";
    std::string edges;
    for (const auto& leaf : group.leaves) {
      text += "    " + id("c", number) + " [label=" + quoted(label_of(leaf), "\\n") + ", color=\"" +
              std::string(colour_of(leaf.state)) + "\"];\n";
      edges += "  " + id("g", i) + " -- " + id("c", number++) +
               " [label=" + quoted(edge_label(leaf), "\\n") + "];\n";
    }
    if (group.folded > 0) {
      text += "    " + folded_node(group, id("m", i));
      edges += "  " + id("g", i) + " -- " + id("m", i) + " [style=dashed];\n";
    }
    text += "  }\n" + edges;
  }
  return text + "}\n";
}

std::string to_mermaid(const Graph& graph) {
  std::string text = "graph LR\n  subgraph host\n";
  for (std::size_t i = 0; i < graph.groups.size(); ++i)
    text += "    " + id("g", i) + "[" + quoted(label_of(graph.groups[i]), "<br/>") + "]\n";
  for (std::size_t i = 0; i < graph.uplinks.size(); ++i)
    text += "    " + id("u", i) + "([" + quoted(label_of(graph.uplinks[i]), "<br/>") + "])\n";
  text += "  end\n";
  std::size_t number = 0;
  for (std::size_t i = 0; i < graph.groups.size(); ++i) {
    for (const auto& leaf : graph.groups[i].leaves) {
      text += "  " + id("g", i) + " ---|" + quoted(edge_label(leaf), "<br/>") + "| " +
              id("c", number++) + "[" + quoted(label_of(leaf), "<br/>") + "]\n";
    }
    if (graph.groups[i].folded > 0) {
      text += "  " + id("g", i) + " -.- " + id("m", i) + "[" +
              quoted(fold_text(graph.groups[i]), "<br/>") + "]\n";
    }
  }
  return text;
}

}  // namespace tool
