// patchcord list: every attachment, a line each.
#include <array>

#include "plugin/operator/files.h"
#include "plugin/operator/format.h"
#include "plugin/operator/json.h"
#include "plugin/operator/survey.h"
#include "plugin/operator/table.h"

namespace tool {
namespace {

constexpr std::array kOptions = {kOutputOption, kConfigurationsOption};

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

std::string to_table(const std::vector<Sighting>& sightings, bool wide, const Console& console) {
  std::vector<Column> columns = {{.title = "NETWORK", .least = 6},
                                 {.title = "CONTAINER", .least = 9},
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
  return table.to_text(console);
}

std::string to_json(const std::vector<Sighting>& sightings) {
  Json json;
  json.begin_object().key("attachments").begin_list();
  for (const auto& sighting : sightings) {
    json.begin_object();
    write_summary(sighting, json);
    json.end_object();
  }
  return json.end_list().end_object().document();
}

int run_list(const Call& call) {
  const std::string format = call.arguments.value(kOutputOption.name).value_or("table");
  Node node(call.state_directory);
  const auto files = read_configurations(configuration_directory(call));
  const auto sightings = survey(node, reservation_directories(files));
  if (format == "json") {
    call.console.write(to_json(sightings));
  } else if (sightings.empty()) {
    call.console.report("no container of this node has an attachment");
  } else {
    Console console = call.console;
    if (format == "wide") console.width = 0;
    call.console.write(to_table(sightings, format == "wide", console));
  }
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
    .examples = "patchcord list\npatchcord list -o json | jq -r '.attachments[].hostInterface'",
    .run = run_list};

}  // namespace tool
