#include "plugin/observe/metrics.h"

#include <array>
#include <charconv>
#include <map>

#include "base/file.h"
#include "plugin/observe/own_file.h"

namespace observe {
namespace {

constexpr std::size_t kLongestFile = 1U << 20;
constexpr std::string_view kOperations = "patchcord_operations_total";
constexpr std::string_view kWarnings = "patchcord_operation_warnings_total";
constexpr std::string_view kFirstLine = "# HELP patchcord_operations_total ";
constexpr std::string_view kDurations = "patchcord_operation_duration_seconds";

/// Upper ends of a histogram's buckets.
struct Bucket {
  std::uint64_t microseconds;
  std::string_view text;  // in seconds
};
constexpr std::array<Bucket, 9> kBuckets = {{{1'000, "0.001"},
                                             {2'000, "0.002"},
                                             {5'000, "0.005"},
                                             {10'000, "0.01"},
                                             {20'000, "0.02"},
                                             {50'000, "0.05"},
                                             {100'000, "0.1"},
                                             {1'000'000, "1"},
                                             {10'000'000, "10"}}};

/// Values by "name{labels}". A sum of seconds is kept in microseconds.
using Values = std::map<std::string, std::uint64_t, std::less<>>;

bool is_sum(std::string_view name) {
  return name.substr(0, name.find('{')).ends_with("_sum");
}

// "12.000345" of a sum as 12000345, "12" as 12.
std::uint64_t parse_value(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c != '.') digits += c;
  }
  std::uint64_t value = 0;
  (void)std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

std::string print_value(std::string_view name, std::uint64_t value) {
  if (!is_sum(name)) return std::to_string(value);
  std::string fraction = std::to_string(value % 1'000'000);
  fraction.insert(0, 6 - fraction.size(), '0');
  return std::to_string(value / 1'000'000) + "." + fraction;
}

Values parse(std::string_view text) {
  Values values;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto space = line.rfind("} ");
    if (!line.starts_with("patchcord_operation") || space == std::string_view::npos) continue;
    values[std::string(line.substr(0, space + 1))] = parse_value(line.substr(space + 2));
  }
  return values;
}

void count(const Operation& operation, Values& values) {
  const std::string command = "command=\"" + operation.command + "\"";
  ++values[std::string(kOperations) + "{" + command + ",code=\"" + std::to_string(operation.code) +
           "\"}"];
  if (!operation.notes.empty()) ++values[std::string(kWarnings) + "{" + command + "}"];
  const std::string name(kDurations);
  const std::string bucket_of = name + "_bucket{" + command + ",le=\"";
  for (const Bucket& bucket : kBuckets) {
    std::string key = bucket_of;
    key.append(bucket.text).append("\"}");
    auto& value = values[key];
    if (operation.microseconds <= bucket.microseconds) ++value;
  }
  ++values[bucket_of + "+Inf\"}"];
  ++values[name + "_count{" + command + "}"];
  values[name + "_sum{" + command + "}"] += operation.microseconds;
}

void print(std::string_view name, std::string_view type, std::string_view help,
           const Values& values, std::string& text) {
  text += "# HELP " + std::string(name) + " " + std::string(help) + "\n";
  text += "# TYPE " + std::string(name) + " " + std::string(type) + "\n";
  for (const auto& [key, value] : values) {
    if (key.starts_with(name)) text += key + " " + print_value(key, value) + "\n";
  }
}

}  // namespace

std::string count_in(const Operation& operation, std::string_view before) {
  Values values = parse(before);
  count(operation, values);
  std::string text;
  print(kOperations, "counter", "Operations by command and error code; code 0 is success.", values,
        text);
  print(kWarnings, "counter", "Operations that had something to say on stderr.", values, text);
  print(kDurations, "histogram", "How long operations took.", values, text);
  return text;
}

void write_metrics(const Operation& operation, const std::string& path,
                   const std::string& state_directory) {
  constexpr std::chrono::seconds kPatience{1};
  const std::string locks = state_directory + "/locks";
  const auto directory = base::make_directories(locks, 0700);
  const base::FileLock lock(directory.get(), "metrics", 0600, kPatience, locks + "/metrics");
  require_own(path, kFirstLine);
  const auto before = base::read_file(path, kLongestFile);
  replace_own(path, kFirstLine, count_in(operation, before.value_or("")));
}

}  // namespace observe
