// The picture of patchcord graph as SVG.
#include <algorithm>

#include "plugin/operator/commands/graph/graph.h"

// Host on the left, containers on the right, a row each: whatever the texts are, nothing can come
// to lie over anything else, because every box is as wide as its longest line and every row as high
// as its higher box.
namespace tool {
namespace {

constexpr int kMargin = 20;
constexpr int kPadding = 12;
constexpr int kLine = 18;   // height of a line of text
constexpr int kLetter = 8;  // width of a character, rounded up for fonts that are wider
constexpr int kWire = 90;   // between host and containers
constexpr int kGap = 14;    // between two boxes

using Lines = std::vector<std::string>;

std::string escape(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '<') {
      result += "&lt;";
    } else if (c == '&') {
      result += "&amp;";
    } else if (c == '>') {
      result += "&gt;";
    } else {
      result += c;
    }
  }
  return result;
}

int width_of(const Lines& lines) {
  std::size_t longest = 0;
  for (const auto& line : lines) longest = std::max(longest, columns_of(line));
  return static_cast<int>(longest) * kLetter + 2 * kPadding;
}

int height_of(const Lines& lines) {
  return static_cast<int>(lines.size()) * kLine + kPadding;
}

std::string number(std::string_view name, int value) {
  return " " + std::string(name) + "=\"" + std::to_string(value) + "\"";
}

struct Area {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;
};

std::string box(const Area& area, std::string_view kind) {
  return "<rect class=\"" + std::string(kind) + "\"" + number("x", area.x) + number("y", area.y) +
         number("width", area.width) + number("height", area.height) + " rx=\"6\"/>\n";
}

std::string write_lines(int x, int y, const Lines& lines) {
  std::string text;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    text += "<text" + std::string(i == 0 ? " class=\"title\"" : "") + number("x", x + kPadding) +
            number("y", y + kLine * static_cast<int>(i + 1)) + ">" + escape(lines[i]) + "</text>\n";
  }
  return text;
}

std::string text_box(const Area& area, std::string_view kind, const Lines& lines) {
  return box(area, kind) + write_lines(area.x, area.y, lines);
}

Lines lines_of_host_end(const Leaf& leaf) {
  Lines lines{leaf.host_end};
  for (const auto& route : leaf.routes) lines.push_back("route " + route);
  for (const auto& port : leaf.ports) lines.push_back(port);
  return lines;
}

Lines lines_of_container(const Leaf& leaf) {
  Lines lines{leaf.title};
  lines.push_back(leaf.ifname +
                  (leaf.state == State::kUp ? "" : "  " + std::string(to_string(leaf.state))));
  for (const auto& address : leaf.addresses) lines.push_back(address);
  return lines;
}

Lines lines_of_group(const Group& group) {
  Lines lines{group.kind == "bridge" ? group.name + "  bridge" : group.name};
  for (const auto& address : group.addresses) lines.push_back(address);
  return lines;
}

Lines lines_of_uplink(const Uplink& uplink) {
  Lines lines{uplink.name + "  uplink"};
  for (const auto& address : uplink.addresses) lines.push_back(address);
  for (const auto& route : uplink.routes) lines.push_back(route);
  return lines;
}

/// Widths that all boxes of a kind have in common.
struct Widths {
  int host_end = 0;
  int container = 0;
  int group = 0;
};

Widths measure(const Graph& graph) {
  Widths widths;
  for (const auto& group : graph.groups) {
    widths.group = std::max(widths.group, width_of(lines_of_group(group)));
    for (const auto& leaf : group.leaves) {
      widths.host_end = std::max(widths.host_end, width_of(lines_of_host_end(leaf)));
      widths.container = std::max(widths.container, width_of(lines_of_container(leaf)));
    }
  }
  for (const auto& uplink : graph.uplinks)
    widths.group = std::max(widths.group, width_of(lines_of_uplink(uplink)));
  widths.group = std::max(widths.group, widths.host_end + 2 * kPadding);
  return widths;
}

class Drawing {
 public:
  explicit Drawing(const Graph& graph) : widths_(measure(graph)) {
    y_ = kMargin + kLine + kPadding;
    for (const auto& group : graph.groups) draw_group(group);
    for (const auto& uplink : graph.uplinks) draw_uplink(uplink);
  }

  [[nodiscard]] std::string document() const {
    const int host_width = widths_.group + 2 * kPadding;
    const int width = containers_at() + widths_.container + kMargin;
    const int height = y_ + kMargin;
    return "<svg xmlns=\"http://www.w3.org/2000/svg\"" + number("width", width) +
           number("height", height) + " viewBox=\"0 0 " + std::to_string(width) + " " +
           std::to_string(height) + "\">\n" + std::string(kStyle) + "<rect class=\"paper\"" +
           number("width", width) + number("height", height) + "/>\n" +
           text_box({kMargin, kMargin, host_width, y_ - kMargin}, "host", {"host"}) + body_ +
           "</svg>\n";
  }

 private:
  static constexpr std::string_view kStyle =
      "<style>\n"
      "text { font: 13px 'DejaVu Sans Mono', monospace; fill: #1b2733; }\n"
      ".title { font-weight: bold; }\n"
      "rect { fill: #ffffff; stroke: #51687d; stroke-width: 1.5; }\n"
      ".paper { stroke: none; }\n"
      ".host { fill: #f3f6f9; }\n"
      ".group { fill: #dfeaf4; }\n"
      ".up { stroke: #2a7d46; }\n"
      ".broken, .gone, .unfinished { stroke: #b3261e; stroke-dasharray: 6 3; }\n"
      "line { stroke: #51687d; stroke-width: 2; }\n"
      "line.broken, line.gone, line.unfinished { stroke: #b3261e; }\n"
      "</style>\n";

  [[nodiscard]] int group_at() const { return kMargin + kPadding; }
  [[nodiscard]] int containers_at() const { return kMargin + widths_.group + 2 * kPadding + kWire; }

  void draw_group(const Group& group) {
    const Lines head = lines_of_group(group);
    int height = height_of(head) + kGap;
    for (const auto& leaf : group.leaves) height += row_height(leaf) + kGap;
    body_ += text_box({group_at(), y_, widths_.group, height}, "group", head);
    int y = y_ + height_of(head) + kGap;
    for (const auto& leaf : group.leaves) {
      draw_leaf(leaf, y);
      y += row_height(leaf) + kGap;
    }
    y_ += height + kGap;
  }

  void draw_leaf(const Leaf& leaf, int y) {
    const int height = row_height(leaf);
    const int left = group_at() + kPadding;
    const std::string state(to_string(leaf.state));
    const int middle = y + height / 2;
    body_ += "<line class=\"" + state + "\"" + number("x1", left + widths_.host_end) +
             number("y1", middle) + number("x2", containers_at()) + number("y2", middle) + "/>\n";
    body_ += text_box({left, y, widths_.host_end, height}, state, lines_of_host_end(leaf));
    body_ +=
        text_box({containers_at(), y, widths_.container, height}, state, lines_of_container(leaf));
  }

  void draw_uplink(const Uplink& uplink) {
    const Lines lines = lines_of_uplink(uplink);
    body_ += text_box({group_at(), y_, widths_.group, height_of(lines)}, "group", lines);
    y_ += height_of(lines) + kGap;
  }

  static int row_height(const Leaf& leaf) {
    return std::max(height_of(lines_of_host_end(leaf)), height_of(lines_of_container(leaf)));
  }

  Widths widths_;
  std::string body_;
  int y_ = 0;  // where the next box of the host begins
};

}  // namespace

std::string to_svg(const Graph& graph) {
  return Drawing(graph).document();
}

}  // namespace tool
