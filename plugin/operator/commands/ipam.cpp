// patchcord ipam: who holds which address, and since when.
#include <array>

#include "plugin/operator/files.h"
#include "plugin/operator/format.h"
#include "plugin/operator/json.h"
#include "plugin/operator/reservations.h"
#include "plugin/operator/survey.h"
#include "plugin/operator/table.h"

namespace tool {
namespace {

constexpr Option kAddressOption = {
    .name = "ip", .value = "ADDRESS", .meaning = "only who holds this one"};
constexpr Option kNetworkOption = {
    .name = "network", .letter = 'n', .value = "NAME", .meaning = "only this network's"};
constexpr std::array kOptions = {kAddressOption, kNetworkOption, kOutputOption, kNoHeadersOption,
                                 kConfigurationsOption};

struct Lease {
  base::IpAddress address;
  Holder holder;
  const Sighting* owner = nullptr;  // null: nothing on this node is known to have it
};

const Sighting* find_owner(const std::vector<Sighting>& sightings, const Holder& holder) {
  for (const auto& each : sightings) {
    const auto& key = each.attachment.key;
    if (key.container_id == holder.owner.container_id && !key.container_id.empty()) return &each;
  }
  return nullptr;
}

base::IpAddress require_address(const std::string& text) {
  const auto address = base::IpAddress::parse(text);
  if (!address) throw Misuse("--ip: \"" + text + "\" is no address");
  return *address;
}

std::vector<Lease> leases_of(const Call& call, const Reservations& reservations,
                             const std::vector<Sighting>& sightings) {
  const auto word = call.arguments.value(kAddressOption.name);
  const auto only = word ? std::optional(require_address(*word)) : std::nullopt;
  const auto network = call.arguments.value(kNetworkOption.name);
  std::vector<Lease> leases;
  for (const auto& [address, holder] : reservations.all()) {
    if ((only && *only != address) || (network && *network != holder.network)) continue;
    leases.push_back({address, holder, find_owner(sightings, holder)});
  }
  return leases;
}

std::string title_of(const Lease& lease) {
  if (lease.owner != nullptr) return title_of(*lease.owner);
  const std::string& id = lease.holder.owner.container_id;
  return id.empty() ? "-" : printable(id);
}

std::string to_table(const std::vector<Lease>& leases, const Call& call, bool wide) {
  Table table({{.title = "ADDRESS"},
               {.title = "NETWORK", .least = 6},
               {.title = "CONTAINER", .least = 9, .keeps_end = true},
               {.title = "IF", .least = 4},
               {.title = "AGE"},
               {.title = "STATE"},
               {.title = "FILE", .least = 8, .keeps_end = true}});
  for (const auto& lease : leases) {
    const auto& interface = lease.holder.owner.interface;
    const bool orphan = lease.owner == nullptr;
    table.add({{.text = lease.address.to_string()},
               {.text = lease.holder.network},
               {.text = title_of(lease)},
               {.text = interface.empty() ? "-" : interface},
               {.text = age_of(lease.holder.since)},
               {.text = orphan ? "orphan" : "held", .tone = orphan ? Tone::kWarning : Tone::kGood},
               {.text = lease.holder.file}});
  }
  Console console = call.console;
  if (wide) console.width = 0;
  return table.to_text(console, !call.arguments.has(kNoHeadersOption.name));
}

std::string to_document(const std::vector<Lease>& leases, bool as_yaml) {
  Json json(as_yaml);
  json.begin_object().key("addresses").begin_list();
  for (const auto& lease : leases) {
    json.begin_object()
        .member("address", lease.address.to_string())
        .member("network", lease.holder.network)
        .member("container", lease.holder.owner.container_id)
        .member("interface", lease.holder.owner.interface)
        .member("title", title_of(lease))
        .member("file", lease.holder.file)
        .member("orphan", lease.owner == nullptr);
    if (lease.holder.since) json.member("since", time_text(*lease.holder.since));
    json.end_object();
  }
  return json.end_list().end_object().document();
}

int run_ipam(const Call& call) {
  const std::string format = call.arguments.value(kOutputOption.name).value_or("table");
  Node node(call.state_directory);
  const auto directories =
      reservation_directories(read_configurations(configuration_directory(call)));
  const auto sightings = survey_unexamined(node, directories);
  const auto leases = leases_of(call, Reservations(directories), sightings);
  if (format == "json" || format == "yaml") {
    call.console.write(to_document(leases, format == "yaml"));
  } else if (leases.empty()) {
    call.console.report("patchcord: no such address is reserved on this node");
  } else if (format == "name") {
    for (const auto& lease : leases) call.console.write(lease.address.to_string() + "\n");
  } else {
    call.console.write(to_table(leases, call, format == "wide"));
  }
  return leases.empty() && call.arguments.has(kAddressOption.name) ? kNotFine : kFine;
}

}  // namespace

const Command kIpam = {
    .name = "ipam",
    .summary = "who holds which address: container, file, since when; and orphans",
    .details =
        "The reservations of host-local, ours and the reference's. An orphan is held by a\n"
        "container that nothing else on this node tells of; `patchcord gc` removes those that are\n"
        "provably nobody's. Exit status 1: nobody holds the address of --ip.",
    .options = kOptions,
    .examples = "patchcord ipam\npatchcord ipam --ip 10.88.0.5",
    .run = run_ipam};

}  // namespace tool
