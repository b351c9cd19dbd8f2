#include "plugin/operations/shared/tear_down.h"

#include "netlink/glance.h"
#include "plugin/attachment/record_store.h"
#include "plugin/cni/error.h"
#include "plugin/lease/lease.h"
#include "plugin/operations/shared/plan.h"
#include "plugin/operations/shared/predecessor.h"
#include "plugin/operations/shared/stage.h"
#include "plugin/operations/shared/traces.h"

namespace operations {
namespace {

using attachment::Attachment;

std::string configured_prefix(const cni::Request& request) {
  constexpr std::string_view kDefault = "veth";
  try {
    std::string prefix =
        request.config().text("hostInterfacePrefix").value_or(std::string(kDefault));
    return prefix.size() < 15 ? prefix : std::string(kDefault);
  } catch (const cni::Error&) {
    return std::string(kDefault);
  }
}

/// What the container, if it still is there, tells of an attachment that there is no record of: the
/// host end may have another name than today's configuration gives it.
struct Told {
  netlink::Link host_end;
  netlink::NamespaceIdentity netns;
  int container_index = 0;
};

std::optional<Told> ask_container(steps::World& world, const cni::Request& request,
                                  Unrecorded unrecorded) {
  const auto container = netlink::Namespace::find(request.netns);
  if (!container || container->identity() == world.host_namespace.identity()) return std::nullopt;
  auto socket = netlink::Socket::in(*container, world.host_namespace);
  if (!netlink::may_have_link(socket, request.ifname)) return std::nullopt;
  steps::World look{.host_namespace = world.host_namespace,
                    .host = world.host,
                    .container_namespace = &*container,
                    .container = &socket,
                    .records = world.records};
  find_ends(look, request.ifname);
  if (!look.host_end) return std::nullopt;
  const bool is_ours = look.host_end->alias == attachment::alias_of(key_of(request));
  const bool may_be_taken = unrecorded == Unrecorded::kOfContainer && look.host_end->alias.empty();
  if (!is_ours && !may_be_taken) return std::nullopt;
  return Told{.host_end = *look.host_end,
              .netns = container->identity(),
              .container_index = look.container_end ? look.container_end->index : 0};
}

Attachment from_names(steps::World& world, const cni::Request& request, Unrecorded unrecorded) {
  Attachment attachment;
  attachment.key = key_of(request);
  if (const auto told = ask_container(world, request, unrecorded)) {
    attachment.pair.host_name = told->host_end.name;
    attachment.pair.host_mac = told->host_end.mac.value_or(base::MacAddress());
    attachment.netns_path = request.netns;
    attachment.netns = told->netns;
    if (told->container_index != 0)
      attachment.source_routes = {.table = attachment::source_table_of(told->container_index)};
  } else {
    attachment.pair.host_name =
        attachment::host_name_of(attachment.key, configured_prefix(request));
  }
  attachment.finished = true;
  return attachment;
}

// A record says what there was and when nothing has to be looked for; what GC puts together of a
// host end says nothing of rules.
bool is_recorded(const std::optional<Attachment>& record) {
  return record && !record->netns_path.empty();
}

}  // namespace

void remove_steps(std::span<const steps::Step* const> list, steps::World& world,
                  const Attachment& attachment, Attempts& attempts) {
  for (auto step = list.rbegin(); step != list.rend(); ++step) {
    attempts.run([&] { (*step)->remove(world, attachment); });
  }
}

void tear_down(steps::World& world, const cni::Request& request,
               const std::optional<Attachment>& record, const std::string& state_directory,
               Unrecorded unrecorded) {
  const Attachment attachment = record ? *record : from_names(world, request, unrecorded);
  Attempts attempts;
  if (!is_recorded(record)) {
    attempts.run([&] { world.traces = find_traces(request, attachment, state_directory); });
  }
  // A record without a reservation had no IPAM; without a record only the configuration can tell.
  const bool may_hold = !record || attachment.reservation;
  const bool through_link = may_hold && lease::is_of_program(request, attachment.reservation);
  const auto release = [&] {
    if (attempts.any_failed()) return;  // what is left may still lead there
    attempts.run([&] { lease::release(request, attachment.reservation, state_directory); });
  };
  remove_steps(steps::public_steps(), world, attachment, attempts);
  // A program may have to tell a server, as a DHCP client does, through the interface; and takes
  // its time, for which the rules are still needed.
  if (through_link) release();
  remove_steps(steps::private_steps(), world, attachment, attempts);
  if (!record && unrecorded == Unrecorded::kOfContainer)
    remove_of_predecessor(attachment::RecordStore::kInterfaces, world, request, attempts);
  // Otherwise last, so that no other container has an address while this one still can be reached
  // by it.
  if (may_hold && !through_link) release();
  attempts.throw_if_any();
}

}  // namespace operations
