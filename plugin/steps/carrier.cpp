// The moment from which the port carries traffic.
#include "netlink/monitor.h"
#include "plugin/cni/error.h"
#include "plugin/steps/step.h"
#include "plugin/steps/world.h"

namespace steps {
namespace {

using attachment::Attachment;

constexpr std::chrono::seconds kPatience{5};

// A bridge forwards to a port, and IPv6 works on a link, once the kernel's link watch has found it
// operational. Since Linux 6.8 looking is enough (rtnl_getlink calls linkwatch_sync_dev); older
// kernels get there by themselves, up to a second later, and say so.
void look_at(netlink::Socket& socket, std::optional<netlink::Link>& link) {
  const std::string name = link->name;
  link = netlink::find_link(socket, link->index);
  if (link) return;
  throw cni::Error(cni::Code::kConflict, "interface " + name + " was removed while it was set up");
}

void wait_for(netlink::Socket& socket, std::optional<netlink::Link>& link,
              const netlink::Namespace& where, const netlink::Namespace& home) {
  const auto is_up = [&] {
    look_at(socket, link);
    return link->oper_state == netlink::OperState::kUp;
  };
  const std::string name = link->name;
  if (is_up()) return;
  netlink::Monitor monitor(where, home);
  if (monitor.wait_until(is_up, kPatience)) return;
  throw cni::Error(cni::Code::kKernel,
                   "interface " + name + " did not become operational within 5 s");
}

void apply(World& world, Attachment& attachment, base::Rollback&) {
  // Its new port may have lent it another MAC.
  if (world.bridge && is_of_others(*world.bridge)) look_at(world.host, world.bridge);
  if (!attachment.pair.container_up) {
    look_at(world.host, world.host_end);
    look_at(*world.container, world.container_end);
    return;
  }
  wait_for(world.host, world.host_end, world.host_namespace, world.host_namespace);
  wait_for(*world.container, world.container_end, *world.container_namespace, world.host_namespace);
}

// Of the rules that are to be there before the container has a way out, most need addresses, and
// these are what is looked for by this way.
void apply_early(World& world, Attachment& attachment, base::Rollback& undo) {
  netlink::change_link(*world.container, *world.container_end, {.up = true});
  apply(world, attachment, undo);
}

void check(World&, const Attachment&, Findings&) {}
void remove(World&, const Attachment&) {}

}  // namespace

const Step kCarrier = {.name = "carrier", .apply = apply, .check = check, .remove = remove};
const Step kCarrierEarly = {
    .name = "early carrier", .apply = apply_early, .check = check, .remove = remove};

}  // namespace steps
