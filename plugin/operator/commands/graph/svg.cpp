// The picture of patchcord graph as SVG.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "plugin/operator/commands/graph/graph.h"

// The way out on top, below it the networks, each a frame with its containers in columns: so many
// that the sheet comes near to 16:10. Whatever the texts are, nothing can come to lie over anything
// else, because every box is as wide as its longest line, and a line that is cut has all of it in
// its box's tooltip.
namespace tool {
namespace {

constexpr int kMargin = 20;
constexpr int kPadding = 12;
constexpr int kLine = 18;             // height of a line of text
constexpr int kLetter = 8;            // width of a character, rounded up for fonts that are wider
constexpr int kGap = 12;              // between two boxes
constexpr int kTrunk = 24;            // for the wire from the uplinks down to the networks
constexpr std::size_t kLongest = 30;  // characters of a container's line
constexpr double kBest = 1.6;         // width by height
constexpr double kLeast = 4.0 / 3;
constexpr double kMost = 2;

using Lines = std::vector<std::string>;

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

std::string wire(const Area& from_to) {
  return "<line" + number("x1", from_to.x) + number("y1", from_to.y) +
         number("x2", from_to.x + from_to.width) + number("y2", from_to.y + from_to.height) +
         "/>\n";
}

std::string text_at(int x, int y, std::string_view text, std::string_view kind = "") {
  return "<text" + (kind.empty() ? "" : " class=\"" + std::string(kind) + "\"") + number("x", x) +
         number("y", y) + ">" + escape_xml(text) + "</text>\n";
}

std::string text_box(const Area& area, std::string_view kind, const Lines& lines) {
  std::string text = box(area, kind);
  for (std::size_t i = 0; i < lines.size(); ++i)
    text += text_at(area.x + kPadding, area.y + kLine * static_cast<int>(i + 1), lines[i],
                    i == 0 ? "title" : "");
  return text;
}

/// A container's box: its interfaces on one network.
struct Pod {
  Lines lines;
  Lines full;  // the tooltip
  State state = State::kUp;
  Lines objects;
};

bool is_worse(State left, State right) {
  const auto rank = [](State state) { return state == State::kUp || state == State::kOther; };
  return rank(right) && !rank(left);
}

void add_interface(const Leaf& leaf, Pod& pod) {
  constexpr std::size_t kPorts = 2;
  const auto add = [&](const std::string& text) {
    pod.lines.push_back(cut(text, kLongest));
    pod.full.push_back(text);
  };
  add(leaf.ifname + (leaf.state == State::kUp ? "" : "  " + std::string(to_string(leaf.state))));
  add(leaf.host_end);
  for (const auto& address : leaf.addresses) add(address);
  for (std::size_t i = 0; i < std::min(leaf.ports.size(), kPorts); ++i) add(leaf.ports[i]);
  if (leaf.ports.size() > kPorts)
    pod.lines.push_back("… and " + std::to_string(leaf.ports.size() - kPorts) + " ports more");
  for (std::size_t i = kPorts; i < leaf.ports.size(); ++i) pod.full.push_back(leaf.ports[i]);
  for (const auto& route : leaf.routes) pod.full.push_back("route " + route);
  pod.full.insert(pod.full.end(), leaf.findings.begin(), leaf.findings.end());
  pod.objects.insert(pod.objects.end(), leaf.objects.begin(), leaf.objects.end());
  if (is_worse(leaf.state, pod.state)) pod.state = leaf.state;
}

std::vector<Pod> pods_of(const Group& group) {
  std::vector<Pod> pods;
  std::map<std::string, std::size_t> known;
  for (const auto& leaf : group.leaves) {
    const bool is_named = leaf.title != "-";
    auto at = is_named ? known.find(leaf.title) : known.end();
    if (at == known.end()) {
      pods.push_back({.lines = {cut_front(leaf.title, kLongest)},
                      .full = {leaf.title},
                      .state = leaf.state,
                      .objects = {}});
      if (is_named) known.emplace(leaf.title, pods.size() - 1);
      add_interface(leaf, pods.back());
    } else {
      add_interface(leaf, pods[at->second]);
    }
  }
  if (group.folded > 0)
    pods.push_back({.lines = {fold_text(group)},
                    .full = {fold_text(group)},
                    .state = State::kOther,
                    .objects = {}});
  return pods;
}

std::string joined(const Lines& lines, std::string_view between) {
  std::string text;
  for (const auto& line : lines) text += (text.empty() ? "" : std::string(between)) + line;
  return text;
}

// What is searched and shown by the page stands in attributes, which an SVG by itself ignores.
std::string draw(const Pod& pod, const Area& area) {
  std::string text = "<g class=\"pod\" data-text=\"" + escape_xml(joined(pod.full, " ")) + "\"";
  if (!pod.objects.empty())
    text += " data-objects=\"" + escape_xml(joined(pod.objects, "\n")) + "\"";
  text += ">\n<title>" + escape_xml(joined(pod.full, "\n")) + "</title>\n";
  return text + text_box(area, to_string(pod.state), pod.lines) + "</g>\n";
}

struct Frame {
  Lines head;
  std::vector<Pod> pods;
};

Frame frame_of(const Group& group) {
  Frame frame{.head = {group.name}, .pods = pods_of(group)};
  std::string way = way_of(group);
  for (const auto& address : group.addresses) way += "  " + address;
  frame.head.push_back(way);
  return frame;
}

Lines lines_of(const Uplink& uplink) {
  Lines lines{uplink.name + "  uplink"};
  lines.insert(lines.end(), uplink.addresses.begin(), uplink.addresses.end());
  lines.insert(lines.end(), uplink.routes.begin(), uplink.routes.end());
  return lines;
}

constexpr std::array<State, 6> kStates = {State::kUp,      State::kBroken,     State::kGone,
                                          State::kUnknown, State::kUnfinished, State::kOther};

/// All that is drawn, and how wide columns have to be for it.
struct Sheet {
  std::vector<Frame> frames;
  std::vector<Lines> uplinks;
  int column = 0;  // width
  int least = 0;   // width of all, whatever the number of columns
};

Sheet sheet_of(const Graph& graph) {
  Sheet sheet;
  const std::string legend = "up   broken   gone   unknown   unfinished   other   xxxxxxxxxxxxxxx";
  sheet.least = width_of({legend});
  for (const auto& group : graph.groups) {
    sheet.frames.push_back(frame_of(group));
    sheet.least = std::max(sheet.least, kTrunk + width_of(sheet.frames.back().head));
    for (const auto& pod : sheet.frames.back().pods)
      sheet.column = std::max(sheet.column, width_of(pod.lines));
  }
  for (const auto& uplink : graph.uplinks) {
    sheet.uplinks.push_back(lines_of(uplink));
    sheet.least = std::max(sheet.least, width_of(sheet.uplinks.back()) + 2 * kGap);
  }
  return sheet;
}

class Drawing {
 public:
  Drawing(const Sheet& sheet, std::size_t columns) : sheet_(sheet), columns_(columns) {
    const int inside = static_cast<int>(columns) * (sheet.column + kGap) + kGap;
    width_ = std::max(sheet.least, kTrunk + inside);
    draw_uplinks();
    const int top = y_;
    int last = top;
    for (const auto& frame : sheet.frames) {
      y_ += kGap;
      last = y_ + kLine;
      body_ += wire({kMargin + kTrunk / 2, last, kTrunk / 2, 0});
      draw_frame(frame);
    }
    if (last > top) body_ += wire({kMargin + kTrunk / 2, top, 0, last - top});
    y_ += kGap;
    draw_legend();
  }

  [[nodiscard]] int width() const { return width_ + 2 * kMargin; }
  [[nodiscard]] int height() const { return y_ + kMargin; }
  [[nodiscard]] double badness() const {
    return std::abs(std::log(static_cast<double>(width()) / height() / kBest));
  }
  [[nodiscard]] const std::string& body() const { return body_; }

 private:
  void draw_uplinks() {
    const int top = kMargin;
    std::string boxes;
    int x = kMargin + kGap;
    Lines head{"host"};
    if (sheet_.uplinks.empty()) head.emplace_back("without a default route");
    int y = top + height_of(head);
    int below = y;
    for (const auto& lines : sheet_.uplinks) {
      const int width = width_of(lines);
      if (x + width + kGap > kMargin + width_) {
        x = kMargin + kGap;
        y = below + kGap;
      }
      boxes += text_box({x, y, width, height_of(lines)}, "uplink", lines);
      x += width + kGap;
      below = std::max(below, y + height_of(lines));
    }
    y_ = below + (sheet_.uplinks.empty() ? 0 : kGap);
    body_ += text_box({kMargin, top, width_, y_ - top}, "host", head) + boxes;
  }

  void draw_frame(const Frame& frame) {
    const int left = kMargin + kTrunk;
    int y = y_ + height_of(frame.head) + kGap / 2;
    std::string boxes;
    for (std::size_t i = 0; i < frame.pods.size(); i += columns_) {
      const std::size_t end = std::min(i + columns_, frame.pods.size());
      int height = 0;
      for (std::size_t j = i; j < end; ++j)
        height = std::max(height, height_of(frame.pods[j].lines));
      for (std::size_t j = i; j < end; ++j) {
        const int x = left + kGap + static_cast<int>(j - i) * (sheet_.column + kGap);
        boxes += draw(frame.pods[j], {x, y, sheet_.column, height});
      }
      y += height + kGap;
    }
    body_ += text_box({left, y_, width_ - kTrunk, y - y_}, "group", frame.head) + boxes;
    y_ = y;
  }

  void draw_legend() {
    constexpr int kSwatch = 14;
    std::string entries;
    int x = kMargin + kPadding;
    for (const State state : kStates) {
      const std::string word(to_string(state));
      entries += box({x, y_ + kPadding / 2 + 3, kSwatch, kSwatch}, word);
      x += kSwatch + 6;
      entries += text_at(x, y_ + kLine + 2, word);
      x += static_cast<int>(word.size()) * kLetter + kGap;
    }
    const int height = kLine + kPadding;
    body_ += box({kMargin, y_, width_, height}, "legend") + entries;
    y_ += height;
  }

  const Sheet& sheet_;
  std::size_t columns_;
  std::string body_;
  int width_ = 0;
  int y_ = 0;  // where the next box begins
};

constexpr std::string_view kStyle =
    "<style>\n"
    "text { font: 13px 'DejaVu Sans Mono', monospace; fill: #1b2733; }\n"
    ".title { font-weight: bold; }\n"
    "rect { fill: #ffffff; stroke: #51687d; stroke-width: 1.5; }\n"
    ".paper { stroke: none; }\n"
    ".host { fill: #f3f6f9; }\n"
    ".uplink { fill: #fff6d8; stroke: #8a6d00; }\n"
    ".group { fill: #e8f0f7; }\n"
    ".legend { fill: #ffffff; stroke: #c5d0da; }\n"
    ".up { fill: #e9f6ed; stroke: #2a7d46; }\n"
    ".broken { fill: #fbe3e1; stroke: #b3261e; stroke-width: 2.5; }\n"
    ".gone { fill: #e2e2e2; stroke: #6b6b6b; stroke-dasharray: 6 3; }\n"
    ".unknown, .unfinished { fill: #fdeed8; stroke: #b26a00; stroke-dasharray: 6 3; }\n"
    ".other { fill: #ffffff; stroke: #51687d; }\n"
    "line { stroke: #51687d; stroke-width: 2; }\n"
    "</style>\n";

Drawing best_of(const Sheet& sheet) {
  std::size_t most = 1;
  for (const auto& frame : sheet.frames) most = std::max(most, frame.pods.size());
  constexpr std::size_t kColumns = 40;
  std::size_t best = 1;
  double least = Drawing(sheet, 1).badness();
  for (std::size_t columns = 2; columns <= std::min(most, kColumns); ++columns) {
    const double badness = Drawing(sheet, columns).badness();
    if (badness >= least) continue;
    least = badness;
    best = columns;
  }
  return {sheet, best};
}

}  // namespace

// What does not come near enough to a page's proportions stands in the middle of one.
std::string to_svg(const Graph& graph) {
  const Sheet sheet = sheet_of(graph);
  const Drawing drawing = best_of(sheet);
  int width = drawing.width();
  int height = drawing.height();
  if (width < kLeast * height) width = static_cast<int>(std::ceil(kLeast * height)) + 1;
  if (width > kMost * height) height = static_cast<int>(std::ceil(width / kMost)) + 1;
  const int x = (drawing.width() - width) / 2;
  const int y = (drawing.height() - height) / 2;
  return "<svg xmlns=\"http://www.w3.org/2000/svg\"" + number("width", width) +
         number("height", height) + " viewBox=\"" + std::to_string(x) + " " + std::to_string(y) +
         " " + std::to_string(width) + " " + std::to_string(height) + "\">\n" +
         std::string(kStyle) + "<rect class=\"paper\"" + number("x", x) + number("y", y) +
         number("width", width) + number("height", height) + "/>\n" + drawing.body() + "</svg>\n";
}

}  // namespace tool
