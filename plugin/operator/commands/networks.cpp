// patchcord networks: the networks that are configured here, a line each.
#include "plugin/operator/networks.h"

#include <algorithm>
#include <array>

#include "plugin/operator/commands/doctor/doctor.h"
#include "plugin/operator/format.h"
#include "plugin/operator/json.h"
#include "plugin/operator/table.h"

namespace tool {
namespace {

constexpr std::array kOptions = {kOutputOption, kNoHeadersOption, kConfigurationsOption};

std::string to_table(const std::vector<NetworkLine>& networks, const Call& call, bool wide) {
  Table table({{.title = "NETWORK", .least = 6},
               {.title = "MODE"},
               {.title = "SUBNET", .least = 9},
               {.title = "USED"},
               {.title = "FREE"},
               {.title = "CONTAINERS"},
               {.title = "FILE", .least = 8, .keeps_end = true}});
  for (const auto& each : networks) {
    const bool has_pool = !each.subnets.empty();
    table.add(
        {{.text = each.name},
         {.text = each.mode},
         {.text = has_pool ? join(each.subnets, ",") : "-"},
         {.text = has_pool ? std::to_string(each.used) : "-"},
         {.text = has_pool ? std::to_string(each.size - std::min(each.used, each.size)) : "-"},
         {.text = std::to_string(each.containers)},
         {.text = each.file.empty() ? "-" : each.file,
          .tone = each.file.empty() ? Tone::kWarning : Tone::kPlain}});
  }
  Console console = call.console;
  if (wide) console.width = 0;
  return table.to_text(console, !call.arguments.has(kNoHeadersOption.name));
}

std::string to_document(const std::vector<NetworkLine>& networks, bool as_yaml) {
  Json json(as_yaml);
  json.begin_object().key("networks").begin_list();
  for (const auto& each : networks) {
    json.begin_object()
        .member("name", each.name)
        .member("file", each.file)
        .member("types", each.types)
        .member("mode", each.mode)
        .member("subnets", each.subnets)
        .member("addresses", each.size)
        .member("used", each.used)
        .member("containers", each.containers)
        .end_object();
  }
  return json.end_list().end_object().document();
}

int run_networks(const Call& call) {
  const std::string format = call.arguments.value(kOutputOption.name).value_or("table");
  Node node(call.state_directory);
  const auto files = read_configurations(configuration_directory(call));
  const auto networks = networks_of(files, survey_unexamined(node, reservation_directories(files)));
  if (format == "json" || format == "yaml") {
    call.console.write(to_document(networks, format == "yaml"));
  } else if (networks.empty()) {
    call.console.report("there is no network in " + configuration_directory(call));
  } else if (format == "name") {
    for (const auto& each : networks) call.console.write(printable(each.name) + "\n");
  } else {
    call.console.write(to_table(networks, call, format == "wide"));
  }
  return kFine;
}

}  // namespace

const Command kNetworks = {
    .name = "networks",
    .summary = "the networks: file, mode, subnet, containers, addresses used and free",
    .details =
        "Those that the directory of configurations has, and those that containers are on and\n"
        "no file configures any more.",
    .options = kOptions,
    .examples = "patchcord networks\npatchcord networks -o name",
    .run = run_networks};

}  // namespace tool
