#include "netlink/monitor.h"
#include "plugin/cni/error.h"
#include "plugin/steps/step.h"

namespace steps {
namespace {

using attachment::Attachment;

constexpr std::chrono::seconds kPatience{5};

// A bridge forwards to a port once the kernel's link watch has found it operational. Since Linux 6.8 looking is enough
// (rtnl_getlink calls linkwatch_sync_dev); older kernels get there by themselves and say so.
void apply(World& world, Attachment& attachment, base::Rollback&) {
  if (!attachment.pair.container_up) return;
  const auto is_up = [&] {
    const auto link = netlink::find_link(world.host, world.host_end->index);
    return link && link->oper_state == netlink::OperState::kUp;
  };
  if (is_up()) return;
  netlink::Monitor monitor(world.host_namespace, world.host_namespace);
  if (!monitor.wait_until(is_up, kPatience)) {
    throw cni::Error(cni::Code::kKernel, "host interface " + world.host_end->name + " did not become operational within 5 s");
  }
}

void check(World&, const Attachment&, Findings&) {}
void remove(World&, const Attachment&) {}

}  // namespace

const Step kCarrier = {.name = "carrier", .apply = apply, .check = check, .remove = remove};

}  // namespace steps
