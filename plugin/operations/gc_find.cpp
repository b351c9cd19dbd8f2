#include "plugin/operations/gc_find.h"

#include "plugin/lease/lease.h"
#include "plugin/operations/gc.h"

namespace operations {
namespace {

using attachment::Key;
using attachment::RecordStore;

void find_host_ends(netlink::Socket& host, const std::string& network,
                    const ValidAttachments& valid, Garbage& garbage) {
  // A network's name so long that it was shortened itself is none that can be told from another.
  const std::string mark = "patchcord " + network + "/";
  for (auto& link : netlink::all_links(host)) {
    if (link.kind != "veth" || !link.alias.starts_with(mark)) continue;
    if (valid.aliases.contains(link.alias)) continue;
    if (const auto key = attachment::parse_alias(link.alias)) {
      Traces& traces = garbage.attachments[*key];
      traces.host_end = link.name;
      traces.host_index = link.index;
    } else {
      garbage.unnamed.push_back(std::move(link));
    }
  }
}

void find_records(const RecordStore& records, const std::string& network,
                  const ValidAttachments& valid, Garbage& garbage) {
  for (const Key& key : records.list(network)) {
    if (valid.attachments.contains(key)) continue;
    garbage.attachments[key].record = true;
    // What has a record is removed by it, and not by an alias that says less.
    const std::string alias = attachment::alias_of(key);
    std::erase_if(garbage.unnamed, [&](const auto& link) { return link.alias == alias; });
  }
}

void find_reservations(const cni::Request& request, const Settings& settings,
                       const ValidAttachments& valid, Garbage& garbage) {
  const auto place = config::find_ipam_place(request);
  if (!config::is_host_local(place.type)) return;
  for (auto& owner :
       lease::find_holders(request, lease::reservation_of(place), settings.state_directory)) {
    if (!is_stale(valid, request.network, owner)) continue;
    Key key{
        .network = request.network, .container_id = owner.container_id, .ifname = owner.interface};
    if (attachment::is_valid(key)) {
      garbage.attachments[std::move(key)].reservation = true;
    } else {
      garbage.holders.push_back(std::move(owner));
    }
  }
}

std::string describe(const Traces& traces) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (traces.record) add("a record");
  if (!traces.host_end.empty()) add("host interface " + traces.host_end);
  if (traces.reservation) add("a reservation");
  return text;
}

}  // namespace

bool is_stale(const ValidAttachments& valid, const std::string& network, const ipam::Owner& owner) {
  if (owner.interface.empty()) return !valid.containers.contains(owner.container_id);
  return !valid.attachments.contains(
      {.network = network, .container_id = owner.container_id, .ifname = owner.interface});
}

Garbage find_garbage(const Places& places, const ValidAttachments& valid, Attempts& attempts) {
  Garbage garbage;
  const std::string& network = places.request.network;
  // Links first: what is seen of an ADD that begins meanwhile has a draft by then.
  attempts.run([&] { find_host_ends(places.host, network, valid, garbage); });
  attempts.run([&] { find_records(places.records, network, valid, garbage); });
  attempts.run([&] { find_reservations(places.request, places.settings, valid, garbage); });
  return garbage;
}

std::vector<std::string> describe(const Garbage& garbage) {
  constexpr std::string_view kWhy = " is not on the runtime's list; there is ";
  std::vector<std::string> lines;
  for (const auto& [key, traces] : garbage.attachments)
    lines.push_back("attachment " + attachment::to_string(key) + std::string(kWhy) +
                    describe(traces));
  for (const auto& link : garbage.unnamed)
    lines.push_back("host interface " + link.name + " (" + link.alias +
                    ") is of no attachment on the runtime's list");
  for (const auto& owner : garbage.holders)
    lines.push_back("a reservation of container " + owner.container_id +
                    " is of no attachment on the runtime's list");
  return lines;
}

std::optional<std::function<bool(const ipam::Owner&)>> stale_by(const cni::Request& request,
                                                                const Settings& settings) {
  auto valid = read_valid_attachments(request, settings);
  if (!valid) return std::nullopt;
  return [valid = std::move(*valid), network = request.network](const ipam::Owner& owner) {
    return is_stale(valid, network, owner);
  };
}

}  // namespace operations
