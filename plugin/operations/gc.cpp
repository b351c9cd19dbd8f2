#include "plugin/operations/gc.h"

#include "plugin/attachment/record_store.h"
#include "plugin/cni/delegate.h"
#include "plugin/cni/error.h"
#include "plugin/lease/lease.h"
#include "plugin/operations/gc_find.h"
#include "plugin/operations/gc_unlisted.h"
#include "plugin/operations/shared/attempts.h"
#include "plugin/operations/shared/forget_network.h"
#include "plugin/operations/shared/former_names.h"
#include "plugin/operations/shared/recorded.h"
#include "plugin/operations/shared/tear_down.h"
#include "plugin/operations/shared/valid_attachments.h"
#include "plugin/steps/step.h"

namespace operations {
namespace {

using attachment::Attachment;
using attachment::Key;
using attachment::RecordStore;

// Where no record says more: the host end under the name that it has.
std::optional<Attachment> from_host_end(const cni::Request& request, const Key& key,
                                        const std::string& host_end) {
  if (host_end.empty()) return std::nullopt;
  Attachment attachment;
  attachment.key = key;
  attachment.pair.host_name = host_end;
  const auto place = config::find_ipam_place(request);
  if (!place.type.empty()) attachment.reservation = lease::reservation_of(place);
  return attachment;
}

struct Parts {
  const cni::Request& request;
  const Settings& settings;
  const netlink::Namespace& home;
  netlink::Socket& host;
  const RecordStore& records;
};

// `remove` gets what leads to everything of the attachment.
void with_recorded(const Parts& parts, const Key& key, const std::string& host_end,
                   const std::function<void(const Recorded&)>& remove) {
  const cni::Request del = as_del(parts.request, key);
  const auto tear_down_known = [&](const std::optional<Attachment>& known) {
    steps::World world{.host_namespace = parts.home, .host = parts.host, .records = parts.records};
    tear_down(world, del, known ? known : from_host_end(del, key, host_end),
              parts.settings.state_directory, Unrecorded::kOfContainer);
  };
  remove({.records = parts.records, .key = key, .tear_down = tear_down_known});
}

void collect_attachment(const Parts& parts, const Key& key, const std::string& host_end) {
  with_recorded(parts, key, host_end,
                [&](const Recorded& recorded) { collect_recorded(recorded, parts.settings); });
}

// All that can go together goes together, because that takes hardly longer than one deletion. What
// an ADD is at work on has to wait for its turn; an ADD that begins from now on makes another link.
void delete_host_ends(const Parts& parts, const Garbage& garbage) {
  std::vector<int> indexes;
  for (const auto& [key, traces] : garbage.attachments) {
    if (traces.host_index != 0 && !parts.records.is_at_work(key))
      indexes.push_back(traces.host_index);
  }
  if (indexes.size() < 2) return;
  try {
    netlink::delete_links(parts.host, indexes);
  } catch (const netlink::Error& error) {
    parts.settings.report(std::string("host interfaces are removed one by one: ") + error.what());
  }
}

void remove_garbage(const Parts& parts, const Garbage& garbage, Attempts& attempts) {
  attempts.run([&] { delete_host_ends(parts, garbage); });
  for (const auto& found : garbage.attachments) {
    attempts.run([&] { collect_attachment(parts, found.first, found.second.host_end); });
  }
  for (const auto& link : garbage.unnamed) {
    attempts.run([&] { (void)netlink::delete_link(parts.host, link.index, link.name); });
  }
  attempts.run([&] {
    lease::release_holders(parts.request,
                           lease::reservation_of(config::find_ipam_place(parts.request)),
                           garbage.holders, parts.settings.state_directory);
  });
}

// What was attached under a former name of the network may be another network's all the same, whose
// list this is not: so only what is provably gone goes.
void collect_former_names(const cni::Request& request, const Settings& settings, bool dry_run,
                          const std::function<void(const Dead&)>& report) {
  const RecordStore records(settings.state_directory);
  for (const auto& [name, count] : count_former_names(records, request))
    collect_dead({.network = name, .dry_run = dry_run}, settings, report);
}

void require_removed(const Dead& dead) {
  if (!dead.removed) throw cni::Error(cni::Code::kIncomplete, dead.problem);
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
    remove_garbage(parts, find_garbage({request, settings, host, records}, *valid, attempts),
                   attempts);
    attempts.run([&] {
      collect_former_names(request, settings, false,
                           [&](const Dead& dead) { attempts.run([&] { require_removed(dead); }); });
    });
    forget_network(records, request.network, settings);
  }
  attempts.run([&] { collect_delegate(request); });
  attempts.throw_incomplete_if_any();
}

std::vector<std::string> list_garbage(const cni::Request& request, const Settings& settings) {
  const auto valid = read_valid_attachments(request, settings);
  if (!valid) return {};
  Attempts attempts;
  netlink::Socket host;
  const RecordStore records(settings.state_directory);
  auto lines = describe(find_garbage({request, settings, host, records}, *valid, attempts));
  collect_former_names(request, settings, true, [&](const Dead& dead) {
    lines.push_back("attachment " + attachment::to_string(dead.key) +
                    " has a former name of this network, and " + dead.reason);
  });
  attempts.throw_incomplete_if_any();
  return lines;
}

}  // namespace operations
