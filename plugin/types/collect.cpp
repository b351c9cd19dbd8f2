#include "plugin/types/collect.h"

#include <algorithm>
#include <map>

#include "plugin/attachment/record_store.h"
#include "plugin/cni/delegate.h"
#include "plugin/lease/lease.h"
#include "plugin/steps/step.h"
#include "plugin/types/attempts.h"
#include "plugin/types/recorded.h"
#include "plugin/types/tear_down.h"
#include "plugin/types/valid_attachments.h"

namespace types {
namespace {

using attachment::Attachment;
using attachment::Key;
using attachment::RecordStore;

/// What there is of attachments that are not valid.
struct Garbage {
  std::map<Key, std::string> attachments;  // with the host end's name, where one was seen
  std::vector<netlink::Link> unnamed;      // host ends whose alias was shortened
  std::vector<ipam::Owner> holders;        // of reservations that name no attachment
};

bool is_stale(const ValidAttachments& valid, const std::string& network, const ipam::Owner& owner) {
  if (owner.interface.empty()) return !valid.containers.contains(owner.container_id);
  return !valid.attachments.contains(
      {.network = network, .container_id = owner.container_id, .ifname = owner.interface});
}

void find_host_ends(netlink::Socket& host, const std::string& network,
                    const ValidAttachments& valid, Garbage& garbage) {
  // A network's name so long that it was shortened itself is none that can be told from another.
  const std::string mark = "patchcord " + network + "/";
  for (auto& link : netlink::all_links(host)) {
    if (link.kind != "veth" || !link.alias.starts_with(mark)) continue;
    if (valid.aliases.contains(link.alias)) continue;
    if (const auto key = attachment::parse_alias(link.alias)) {
      garbage.attachments[*key] = link.name;
    } else {
      garbage.unnamed.push_back(std::move(link));
    }
  }
}

void find_records(const RecordStore& records, const std::string& network,
                  const ValidAttachments& valid, Garbage& garbage) {
  for (const Key& key : records.list(network)) {
    if (valid.attachments.contains(key)) continue;
    garbage.attachments.try_emplace(key);
    // What has a record is removed by it, and not by an alias that says less.
    const std::string alias = attachment::alias_of(key);
    std::erase_if(garbage.unnamed, [&](const auto& link) { return link.alias == alias; });
  }
}

void find_reservations(const cni::Request& request, const Settings& settings,
                       const ValidAttachments& valid, Garbage& garbage) {
  const auto place = config::find_ipam_place(request);
  if (!config::is_host_local(place.type)) return;
  for (auto& owner : lease::find_holders(request, place.data_directory, settings.state_directory)) {
    if (!is_stale(valid, request.network, owner)) continue;
    Key key{
        .network = request.network, .container_id = owner.container_id, .ifname = owner.interface};
    if (attachment::is_valid(key)) {
      garbage.attachments.try_emplace(std::move(key));
    } else {
      garbage.holders.push_back(std::move(owner));
    }
  }
}

// Where no record says more: the host end under the name that it has.
std::optional<Attachment> from_host_end(const cni::Request& request, const Key& key,
                                        const std::string& host_end) {
  if (host_end.empty()) return std::nullopt;
  Attachment attachment;
  attachment.key = key;
  attachment.pair.host_name = host_end;
  const auto place = config::find_ipam_place(request);
  if (!place.type.empty()) {
    attachment.reservation =
        attachment::Reservation{.type = place.type, .data_directory = place.data_directory};
  }
  return attachment;
}

struct Parts {
  const cni::Request& request;
  const Settings& settings;
  const netlink::Namespace& home;
  netlink::Socket& host;
  const RecordStore& records;
};

void remove_attachment(const Parts& parts, const Key& key, const std::string& host_end) {
  const cni::Request del = as_del(parts.request, key);
  const auto tear_down_known = [&](const std::optional<Attachment>& known) {
    steps::World world{.host_namespace = parts.home, .host = parts.host, .records = parts.records};
    tear_down(world, del, known ? known : from_host_end(del, key, host_end),
              parts.settings.state_directory);
  };
  collect_recorded({.records = parts.records, .key = key, .tear_down = tear_down_known},
                   parts.settings);
}

Garbage find_garbage(const Parts& parts, const ValidAttachments& valid, Attempts& attempts) {
  Garbage garbage;
  const std::string& network = parts.request.network;
  // Links first: what is seen of an ADD that begins meanwhile has a draft by then.
  attempts.run([&] { find_host_ends(parts.host, network, valid, garbage); });
  attempts.run([&] { find_records(parts.records, network, valid, garbage); });
  attempts.run([&] { find_reservations(parts.request, parts.settings, valid, garbage); });
  return garbage;
}

void remove_garbage(const Parts& parts, const Garbage& garbage, Attempts& attempts) {
  for (const auto& found : garbage.attachments) {
    attempts.run([&] { remove_attachment(parts, found.first, found.second); });
  }
  for (const auto& link : garbage.unnamed) {
    attempts.run([&] { (void)netlink::delete_link(parts.host, link.index, link.name); });
  }
  attempts.run([&] {
    lease::release_holders(parts.request, config::find_ipam_place(parts.request).data_directory,
                           garbage.holders, parts.settings.state_directory);
  });
}

// It has the same list, or the same lack of one, and decides for itself.
void collect_delegate(const cni::Request& request) {
  const auto place = config::find_ipam_place(request);
  if (place.type.empty() || config::is_host_local(place.type) || config::is_static(place.type))
    return;
  (void)cni::run_delegate(request, place.type, cni::Command::kGc, place.patience);
}

}  // namespace

void collect(const cni::Request& request, const Settings& settings) {
  const auto valid = read_valid_attachments(request, settings);
  Attempts attempts;
  if (valid) {
    const netlink::Namespace home = netlink::Namespace::current();
    netlink::Socket host;
    const RecordStore records(settings.state_directory);
    const Parts parts{request, settings, home, host, records};
    remove_garbage(parts, find_garbage(parts, *valid, attempts), attempts);
  }
  attempts.run([&] { collect_delegate(request); });
  attempts.throw_incomplete_if_any();
}

std::optional<std::function<bool(const ipam::Owner&)>> stale_by(const cni::Request& request,
                                                                const Settings& settings) {
  auto valid = read_valid_attachments(request, settings);
  if (!valid) return std::nullopt;
  return [valid = std::move(*valid), network = request.network](const ipam::Owner& owner) {
    return is_stale(valid, network, owner);
  };
}

}  // namespace types
