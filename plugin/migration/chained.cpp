// What portmap, firewall and bandwidth of the reference leave. Each removes what its own ADD would
// have made.
#include "plugin/attachment/record_store.h"
#include "plugin/migration/predecessors.h"
#include "plugin/migration/reference_leftovers.h"
#include "plugin/operations/shared/plan.h"
#include "plugin/steps/world.h"

namespace migration {
namespace {

using operations::Attempts;
using operations::key_of;

void remove_ports(steps::World&, const cni::Request& request, Attempts& attempts) {
  attempts.run([&] {
    remove_reference_ports(key_of(request), cni::addresses_in_previous_result(request),
                           no_others());
  });
}

void remove_acceptance(steps::World&, const cni::Request& request, Attempts& attempts) {
  attempts.run([&] { remove_reference_firewall(cni::addresses_in_previous_result(request)); });
}

void remove_ifb(steps::World& world, const cni::Request& request, Attempts& attempts) {
  attempts.run([&] { remove_reference_ifb(world.host, key_of(request), no_others()); });
}

}  // namespace

const operations::Predecessor kPortmap = {.kind = attachment::RecordStore::kHostPorts,
                                          .remove = remove_ports};
const operations::Predecessor kFirewall = {.kind = attachment::RecordStore::kFirewall,
                                           .remove = remove_acceptance};
const operations::Predecessor kBandwidth = {.kind = "bandwidth", .remove = remove_ifb};

}  // namespace migration
