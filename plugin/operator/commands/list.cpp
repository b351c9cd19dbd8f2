// patchcord list: every attachment, a line each.
#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "netlink/monitor.h"
#include "plugin/operator/files.h"
#include "plugin/operator/format.h"
#include "plugin/operator/json.h"
#include "plugin/operator/survey.h"
#include "plugin/operator/table.h"

namespace tool {
namespace {

constexpr Option kNetworkOption = {
    .name = "network", .letter = 'n', .value = "NAME", .meaning = "only this network's"};
constexpr Option kSortOption = {.name = "sort-by",
                                .value = "COLUMN",
                                .choices = "network|container|address|host-if|age|state",
                                .meaning = "network unless given"};
constexpr Option kWatchOption = {
    .name = "watch",
    .letter = 'w',
    .meaning = "and then each line that is new or another one, until it is stopped"};
constexpr std::array kOptions = {kOutputOption, kNoHeadersOption, kNetworkOption,
                                 kSortOption,   kWatchOption,     kConfigurationsOption};

Tone tone_of(State state) {
  switch (state) {
    case State::kUp:
      return Tone::kGood;
    case State::kBroken:
      return Tone::kBad;
    case State::kGone:
    case State::kUnknown:
    case State::kUnfinished:
      return Tone::kWarning;
    case State::kOther:
      break;
  }
  return Tone::kPlain;
}

std::string addresses_of(const Sighting& sighting, bool all) {
  const auto& addresses = sighting.attachment.addresses;
  if (addresses.empty()) return "-";
  std::string text = addresses.front().prefix.address().to_string();
  if (!all && addresses.size() > 1) return text + " +" + std::to_string(addresses.size() - 1);
  for (std::size_t i = 1; i < addresses.size(); ++i)
    text += "," + addresses[i].prefix.address().to_string();
  return text;
}

// Runtimes make ids of 64 digits, of which the first ones tell containers apart.
std::string short_title(const Sighting& sighting) {
  constexpr std::size_t kDigits = 12;
  constexpr std::size_t kFull = 64;
  const std::string title = title_of(sighting);
  return title.size() == kFull && !sighting.attachment.pod ? title.substr(0, kDigits) : title;
}

std::vector<Cell> row_of(const Sighting& sighting, bool wide) {
  const auto& attachment = sighting.attachment;
  const std::string network = attachment.key.network.empty() ? "-" : attachment.key.network;
  std::vector<Cell> row = {
      {.text = printable(network)},
      {.text = wide ? title_of(sighting) : short_title(sighting)},
      {.text = printable(attachment.key.ifname)},
      {.text = addresses_of(sighting, wide)},
      {.text = attachment.pair.host_name.empty() ? "-" : attachment.pair.host_name},
      {.text = path_of(sighting)},
      {.text = age_of(sighting.since)},
      {.text = std::string(to_string(sighting.state)), .tone = tone_of(sighting.state)}};
  if (wide) {
    row.push_back({.text = attachment.pair.mtu == 0 ? "-" : std::to_string(attachment.pair.mtu)});
    row.push_back({.text = attachment.netns_path.empty() ? "-" : printable(attachment.netns_path)});
  }
  return row;
}

std::string to_table(const std::vector<Sighting>& sightings, const Call& call, bool with_head) {
  const bool wide = call.arguments.value(kOutputOption.name) == "wide";
  std::vector<Column> columns = {{.title = "NETWORK", .least = 6},
                                 {.title = "CONTAINER", .least = 9, .keeps_end = true},
                                 {.title = "IF", .least = 4},
                                 {.title = "ADDRESS"},
                                 {.title = "HOST IF"},
                                 {.title = "VIA", .least = 6},
                                 {.title = "AGE"},
                                 {.title = "STATE"}};
  if (wide) {
    columns.push_back({.title = "MTU"});
    columns.push_back({.title = "NETNS"});
  }
  Table table(std::move(columns));
  for (const auto& sighting : sightings) table.add(row_of(sighting, wide));
  Console console = call.console;
  if (wide) console.width = 0;
  return table.to_text(console, with_head);
}

std::string to_document(const std::vector<Sighting>& sightings, bool as_yaml) {
  Json json(as_yaml);
  json.begin_object().key("attachments").begin_list();
  for (const auto& sighting : sightings) {
    json.begin_object();
    write_summary(sighting, json);
    json.end_object();
  }
  return json.end_list().end_object().document();
}

std::optional<base::IpAddress> address_of(const Sighting& sighting) {
  const auto& addresses = sighting.attachment.addresses;
  return addresses.empty() ? std::nullopt : std::optional(addresses.front().prefix.address());
}

// The oldest last: it is who came now that is looked for. As survey() has them among equals.
void sort(std::vector<Sighting>& sightings, const std::string& column) {
  const auto by = [&](const auto& key) {
    std::stable_sort(sightings.begin(), sightings.end(),
                     [&](const auto& left, const auto& right) { return key(left) < key(right); });
  };
  if (column == "container") by(title_of);
  if (column == "address") by(address_of);
  if (column == "host-if") by([](const Sighting& each) { return each.attachment.pair.host_name; });
  if (column == "state") by([](const Sighting& each) { return to_string(each.state); });
  if (column == "age") {
    by([](const Sighting& each) {
      return each.since ? -each.since->time_since_epoch().count() : 0;
    });
  }
}

std::vector<Sighting> look(const Call& call) {
  Node node(call.state_directory);
  const auto files = read_configurations(configuration_directory(call));
  auto sightings = survey(node, reservation_directories(files));
  if (const auto network = call.arguments.value(kNetworkOption.name)) {
    std::erase_if(sightings,
                  [&](const Sighting& each) { return each.attachment.key.network != *network; });
  }
  sort(sightings, call.arguments.value(kSortOption.name).value_or("network"));
  return sightings;
}

void show(const Call& call, const std::vector<Sighting>& sightings, bool with_head) {
  const std::string format = call.arguments.value(kOutputOption.name).value_or("table");
  if (format == "json" || format == "yaml") {
    call.console.write(to_document(sightings, format == "yaml"));
  } else if (format == "name") {
    for (const auto& each : sightings) call.console.write(title_of(each) + "\n");
  } else if (sightings.empty()) {
    if (with_head) call.console.report("no container of this node has an attachment");
  } else {
    call.console.write(
        to_table(sightings, call, with_head && !call.arguments.has(kNoHeadersOption.name)));
  }
}

// By which a line is told from what it was before.
std::string essence_of(const Sighting& sighting) {
  return attachment::to_string(sighting.attachment.key) + " " + sighting.attachment.pair.host_name +
         " " + std::string(to_string(sighting.state));
}

// The kernel says when links change; what else does is seen at the next look.
void follow(const Call& call, const std::vector<Sighting>& first) {
  constexpr std::chrono::seconds kInterval{2};
  const netlink::Namespace home = netlink::Namespace::current();
  netlink::Monitor monitor(home, home);
  std::set<std::string> known;
  for (const auto& each : first) known.insert(essence_of(each));
  for (;;) {
    (void)monitor.wait_until([waited = false]() mutable { return std::exchange(waited, true); },
                             kInterval);
    std::set<std::string> now;
    std::vector<Sighting> news;
    for (auto& each : look(call)) {
      const std::string essence = essence_of(each);
      now.insert(essence);
      if (!known.contains(essence)) news.push_back(std::move(each));
    }
    known = std::move(now);
    show(call, news, false);
  }
}

int run_list(const Call& call) {
  const auto sightings = look(call);
  const std::string format = call.arguments.value(kOutputOption.name).value_or("table");
  if (call.arguments.has(kWatchOption.name) && (format == "json" || format == "yaml"))
    throw Misuse("--watch shows lines, and a document has none");
  show(call, sightings, true);
  if (call.arguments.has(kWatchOption.name)) follow(call, sightings);
  return kFine;
}

}  // namespace

const Command kList = {
    .name = "list",
    .summary = "every attachment: network, container, addresses, host interface, age, state",
    .details =
        "Those of other plugins too, found from the links. A state is up, broken (something is\n"
        "missing or altered: see inspect), gone (the container's namespace is), unfinished (an\n"
        "ADD is at work or was killed), or other (another plugin's).",
    .options = kOptions,
    .examples =
        "patchcord list -n podnet --sort-by address\npatchcord list -o json | jq -r "
        "'.attachments[].hostInterface'",
    .run = run_list};

}  // namespace tool
