#include "plugin/operator/format.h"

#include <algorithm>

namespace tool {

std::string join(const std::vector<std::string>& texts, std::string_view between) {
  std::string joined;
  for (const auto& text : texts) joined += (joined.empty() ? "" : std::string(between)) + text;
  return joined;
}

std::string age_of(const std::optional<std::chrono::system_clock::time_point>& since) {
  using namespace std::chrono;
  if (!since) return "-";
  const auto seconds = std::max<std::int64_t>(
      duration_cast<std::chrono::seconds>(system_clock::now() - *since).count(), 0);
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kDay = 24 * kHour;
  if (seconds < 2 * kMinute) return std::to_string(seconds) + "s";
  if (seconds < 2 * kHour) return std::to_string(seconds / kMinute) + "m";
  if (seconds < 2 * kDay) return std::to_string(seconds / kHour) + "h";
  return std::to_string(seconds / kDay) + "d";
}

std::string bits_text(std::uint64_t bytes_per_second) {
  constexpr std::string_view kUnits = " kMGT";
  double bits = static_cast<double>(bytes_per_second) * 8;
  std::size_t unit = 0;
  while (bits >= 1000 && unit + 1 < kUnits.size()) {
    bits /= 1000;
    ++unit;
  }
  const auto tenths = static_cast<std::uint64_t>(bits * 10);
  std::string text = std::to_string(tenths / 10);
  if (tenths < 100 && unit > 0) text += "." + std::to_string(tenths % 10);
  return unit == 0 ? text : text + kUnits[unit];
}

std::string time_text(std::chrono::system_clock::time_point time) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(time - day));
  const auto two = [](auto number) {
    const std::string text = std::to_string(number);
    return text.size() < 2 ? "0" + text : text;
  };
  return std::to_string(static_cast<int>(date.year())) + "-" +
         two(static_cast<unsigned>(date.month())) + "-" + two(static_cast<unsigned>(date.day())) +
         "T" + two(clock.hours().count()) + ":" + two(clock.minutes().count()) + ":" +
         two(clock.seconds().count()) + "Z";
}

namespace {

void write_ports_of(const attachment::Attachment& attachment, Json& json) {
  if (!attachment.host_ports) return;
  for (const auto& mapping : attachment.host_ports->mappings) {
    json.begin_object()
        .member("hostPort", mapping.host_port)
        .member("containerPort", mapping.container_port)
        .member("protocol", cni::to_string(mapping.protocol));
    if (mapping.host_address) json.member("hostIP", mapping.host_address->to_string());
    json.end_object();
  }
}

// As runtimes write them.
void write_port_mappings(const Sighting& sighting, Json& json) {
  json.key("portMappings").begin_list();
  write_ports_of(sighting.attachment, json);
  for (const auto& each : sighting.chained) write_ports_of(each.attachment, json);
  json.end_list();
}

}  // namespace

void write_summary(const Sighting& sighting, Json& json) {
  const auto& attachment = sighting.attachment;
  json.member("network", attachment.key.network);
  json.member("container", attachment.key.container_id);
  if (attachment.pod) {
    json.key("pod").begin_object();
    json.member("namespace", attachment.pod->space).member("name", attachment.pod->name);
    json.end_object();
  }
  json.member("interface", attachment.key.ifname);
  std::vector<std::string> addresses;
  for (const auto& address : attachment.addresses) addresses.push_back(address.prefix.to_string());
  json.member("addresses", addresses);
  json.member("hostInterface", attachment.pair.host_name);
  json.member("mode", mode_of(attachment));
  if (attachment.bridge_port) json.member("bridge", attachment.bridge_port->bridge);
  if (!attachment.netns_path.empty()) json.member("netns", attachment.netns_path);
  json.member("ports", ports_of(sighting));
  write_port_mappings(sighting, json);
  json.member("recorded", sighting.since.has_value());
  if (sighting.since) json.member("since", time_text(*sighting.since));
  json.member("state", to_string(sighting.state));
  json.member("findings", sighting.findings());
}

}  // namespace tool
