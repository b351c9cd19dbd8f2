// What bridge and ptp of the reference leave, and what the rest of their chain does where only the
// interface is asked for.
#include "plugin/attachment/record_store.h"
#include "plugin/lease/lease.h"
#include "plugin/migration/adopt.h"
#include "plugin/migration/predecessors.h"
#include "plugin/migration/reference_leftovers.h"
#include "plugin/operations/shared/plan.h"
#include "plugin/steps/world.h"

namespace migration {
namespace {

// Of the plugins that come after in the chain, too: GC has them know nothing of an attachment that
// they have no record of, and a DEL may lack prevResult. What they made bears addresses that are
// this attachment's as long as they are reserved for it.
void remove_chained_leftovers(steps::World& world, const cni::Request& request,
                              const FindOthers& find_others, operations::Attempts& attempts) {
  const auto place = lease::reservation_of(config::find_ipam_place(request));
  const auto own = lease::find_reservations(request, place, world.records.state_directory());
  if (own.empty()) return;
  const auto key = operations::key_of(request);
  attempts.run([&] { remove_reference_ports(key, own, find_others); });
  attempts.run([&] { remove_reference_firewall(own); });
  attempts.run([&] { remove_reference_ifb(world.host, key, find_others); });
}

// The rules before the address, which another container may have next.
void remove_leftovers(steps::World& world, const cni::Request& request,
                      operations::Attempts& attempts) {
  const auto key = operations::key_of(request);
  const auto place = config::find_ipam_place(request);
  const bool is_ours = config::is_host_local(place.type);
  const auto find_others = [&] {
    if (!is_ours) return std::vector<base::IpAddress>{};
    return lease::find_reservations_of_others(request, lease::reservation_of(place),
                                              world.records.state_directory());
  };
  attempts.run([&] { remove_reference_masquerade(key, find_others); });
  attempts.run([&] { remove_reference_antispoof(key); });
  if (!is_ours) return;
  attempts.run([&] { remove_chained_leftovers(world, request, find_others, attempts); });
}

}  // namespace

const operations::Predecessor kInterfaces = {
    .kind = attachment::RecordStore::kInterfaces, .adopt = adopt, .remove = remove_leftovers};

}  // namespace migration
