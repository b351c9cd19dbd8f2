#include "plugin/operator/trace/counters.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace tool::trace {
namespace {

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(at), text.size());
    if (end > 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// Two lines a group: "TcpExt: SyncookiesSent ...", "TcpExt: 0 ...".
void add_pairs(std::string_view text, Counts& counts) {
  const auto lines = split(text, '\n');
  for (std::size_t i = 0; i + 1 < lines.size(); i += 2) {
    const auto names = split(lines[i], ' ');
    const auto values = split(lines[i + 1], ' ');
    if (names.empty()) continue;
    const std::string group(names[0].substr(0, names[0].find(':')));
    for (std::size_t j = 1; j < std::min(names.size(), values.size()); ++j)
      counts[group + " " + std::string(names[j])] = number_of(values[j]);
  }
}

// A line each: "Ip6InNoRoutes   0".
void add_lines(std::string_view text, Counts& counts) {
  for (const auto line : split(text, '\n')) {
    std::string name(line.substr(0, line.find_first_of(" \t")));
    counts[name] = number_of(line.substr(line.find_last_of(" \t") + 1));
  }
}

}  // namespace

Counts read_counts(const Ground& ground) {
  constexpr std::size_t kLongest = 1 << 20;
  const netlink::ScopedEntry inside(ground.space(), ground.home());
  Counts counts;
  for (const char* name : {"netstat", "snmp"}) {
    if (const auto text = base::read_file(std::string("/proc/self/net/") + name, kLongest))
      add_pairs(*text, counts);
  }
  if (const auto text = base::read_file("/proc/self/net/snmp6", kLongest)) add_lines(*text, counts);
  return counts;
}

std::uint64_t grown(const Counts& before, const Counts& after, const std::string& name) {
  const auto old = before.find(name);
  const auto now = after.find(name);
  return old == before.end() || now == after.end() ? 0 : now->second - old->second;
}

}  // namespace tool::trace
