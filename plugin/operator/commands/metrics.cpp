// patchcord metrics: figures of the node for Prometheus.
#include <array>
#include <map>

#include "plugin/observe/own_file.h"
#include "plugin/operator/commands/doctor/doctor.h"
#include "plugin/operator/pools.h"
#include "plugin/operator/table.h"

namespace tool {
namespace {

constexpr Option kFileOption = {.name = "file",
                                .letter = 'f',
                                .value = "FILE",
                                .meaning = "to replace as a whole, in the place of stdout"};
constexpr std::array kOptions = {kFileOption, kConfigurationsOption};

constexpr std::string_view kFirstLine = "# HELP patchcord_attachments ";  // its beginning

// For the text format of Prometheus: a name may hold what would end its quotes.
std::string label(std::string_view name, std::string_view value) {
  std::string text = std::string(name) + "=\"";
  for (const char c : printable(value)) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + "\"";
}

std::string head(std::string_view name, std::string_view help) {
  return "# HELP " + std::string(name) + " " + std::string(help) + "\n# TYPE " + std::string(name) +
         " gauge\n";
}

std::string attachment_lines(const std::vector<Sighting>& sightings) {
  std::map<std::pair<std::string, std::string>, std::size_t> counts;
  for (const auto& sighting : sightings)
    ++counts[{sighting.attachment.key.network, std::string(to_string(sighting.state))}];
  std::string text = head("patchcord_attachments", "Attachments by network and state.");
  for (const auto& [which, count] : counts) {
    text += "patchcord_attachments{" + label("network", which.first) + "," +
            label("state", which.second) + "} " + std::to_string(count) + "\n";
  }
  return text;
}

std::string pool_lines(const std::vector<Subnet>& subnets) {
  std::string size = head("patchcord_pool_addresses", "Addresses that a range set may give.");
  std::string used = head("patchcord_pool_addresses_used", "Addresses that are reserved.");
  for (const auto& subnet : subnets) {
    const std::string labels = "{" + label("network", subnet.network) + "," +
                               label("subnet", subnet.prefix.to_string()) + "} ";
    size += "patchcord_pool_addresses" + labels + std::to_string(subnet.size) + "\n";
    used += "patchcord_pool_addresses_used" + labels + std::to_string(used_of(subnet)) + "\n";
  }
  return size + used;
}

// Nothing where the node has no pool.
std::string block_lines(const std::vector<PoolView>& pools) {
  if (pools.empty()) return "";
  std::string blocks = head("patchcord_blocks", "Blocks of the pool that the node has.");
  std::string size = head("patchcord_block_addresses", "Addresses that these give.");
  std::string used = head("patchcord_block_addresses_used", "Those that are reserved.");
  for (const auto& pool : pools) {
    const std::string labels = "{" + label("pool", pool.place.name()) + "} ";
    blocks += "patchcord_blocks" + labels + std::to_string(pool.blocks.size()) + "\n";
    size += "patchcord_block_addresses" + labels + std::to_string(pool.size()) + "\n";
    used += "patchcord_block_addresses_used" + labels + std::to_string(pool.used()) + "\n";
  }
  return blocks + size + used;
}

int run_metrics(const Call& call) {
  Node node(call.state_directory);
  const auto files = read_configurations(configuration_directory(call));
  const std::string text = attachment_lines(survey(node, reservation_directories(files))) +
                           pool_lines(subnets_of(files)) +
                           block_lines(view_pools(call.environment));
  if (const auto path = call.arguments.value(kFileOption.name)) {
    observe::replace_own(*path, kFirstLine, text);
  } else {
    call.console.write(text);
  }
  return kFine;
}

}  // namespace

const Command kMetrics = {
    .name = "metrics",
    .summary = "attachments and pools in the text format of Prometheus",
    .details =
        "For the node exporter's textfile collector, from a timer. Operations are counted by\n"
        "the plugin itself, in a file of its own: see `metrics` in docs/configuration.md.",
    .options = kOptions,
    .examples = "patchcord metrics --file /var/lib/node_exporter/patchcord-node.prom",
    .run = run_metrics};

}  // namespace tool
