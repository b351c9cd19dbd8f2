// doctor's conditions of tables of the kernel that are nearly full: connections, neighbours.
#include <algorithm>
#include <charconv>

#include "netlink/neighbour.h"
#include "netlink/sysctl.h"
#include "plugin/operator/commands/doctor/doctor.h"

namespace tool {
namespace {

std::optional<std::uint64_t> number_at(const std::string& key) {
  const auto text = netlink::read_sysctl(key);
  std::uint64_t number = 0;
  if (!text) return std::nullopt;
  const auto parsed = std::from_chars(text->data(), text->data() + text->size(), number);
  return parsed.ec == std::errc() ? std::optional(number) : std::nullopt;
}

bool is_nearly_full(std::uint64_t used, std::uint64_t most) {
  return most != 0 && used >= most - most / 10;
}

void look_at_conntrack(Diagnoses& found) {
  const auto used = number_at("net/netfilter/nf_conntrack_count");
  const auto most = number_at("net/netfilter/nf_conntrack_max");
  if (!used || !most || !is_nearly_full(*used, *most)) return;
  found.push_back(
      {.name = "conntrack-nearly-full",
       .is_error = *used >= *most,
       .text = "the kernel follows " + std::to_string(*used) + " of at most " +
               std::to_string(*most) + " connections: new ones are dropped then",
       .remedy = "and into a file of /etc/sysctl.d; `conntrack -S` counts what was "
                 "dropped, `conntrack -L` says whose they are",
       .command = "sysctl -w net.netfilter.nf_conntrack_max=" + std::to_string(*most * 2)});
}

// A routed container's next hop is a permanent entry, which the limit does not count.
std::uint64_t permanent_entries(const Patient& patient, base::Family family) {
  const auto count = std::count_if(patient.sightings.begin(), patient.sightings.end(),
                                   [&](const Sighting& sighting) {
                                     return sighting.attachment.routed_port &&
                                            attachment::has_family(sighting.attachment, family);
                                   });
  return static_cast<std::uint64_t>(count);
}

void look_at_neighbours(const Patient& patient, Diagnoses& found) {
  for (const auto& table : netlink::neighbour_tables(patient.node.socket())) {
    const auto permanent = permanent_entries(patient, table.family);
    const std::uint64_t used = table.entries - std::min<std::uint64_t>(table.entries, permanent);
    if (!is_nearly_full(used, table.most)) continue;
    const bool is_ipv4 = table.family == base::Family::kIpv4;
    const std::string key =
        std::string("net.") + (is_ipv4 ? "ipv4" : "ipv6") + ".neigh.default.gc_thresh";
    found.push_back({.name = "neighbours-nearly-full",
                     .is_error = used >= table.most,
                     .text = "the node and its containers together have " + std::to_string(used) +
                             " of at most " + std::to_string(table.most) + " neighbours of " +
                             std::string(base::family_name(table.family)) +
                             ": then no new one is found (\"neighbour table overflow\")",
                     .remedy = "and into a file of /etc/sysctl.d",
                     .command = "sysctl -w " + key + "3=" + std::to_string(table.most * 8) + " " +
                                key + "2=" + std::to_string(table.most * 4)});
  }
}

}  // namespace

void look_at_tables(const Patient& patient, Diagnoses& found) {
  look_at_conntrack(found);
  look_at_neighbours(patient, found);
}

}  // namespace tool
