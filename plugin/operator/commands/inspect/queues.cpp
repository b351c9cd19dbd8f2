// What patchcord inspect shows of an attachment's queues and rates.
#include "plugin/operator/commands/inspect/inspect.h"

namespace tool {
namespace {

using attachment::RateLimit;
using attachment::Shaping;

std::optional<netlink::Shaper> find_shaper(Node& node, const netlink::Link& link) {
  auto root = netlink::find_qdisc(node.socket(), link, netlink::kRootParent);
  if (!root || root->kind != "htb") return root;
  return netlink::find_class(node.socket(), link, netlink::kShapedClass);
}

Queue look_at_queue(Node& node, bool ingress, const std::string& interface,
                    const RateLimit& wanted) {
  Queue queue{.ingress = ingress, .interface = interface, .wanted = wanted};
  if (const auto* link = node.find(interface)) queue.seen = find_shaper(node, *link);
  // Whatever is at the root, a queue without a rate limits nothing.
  if (queue.seen && queue.seen->rate == 0) queue.seen.reset();
  queue.is_right = queue.seen && queue.seen->rate == wanted.rate &&
                   queue.seen->buffer == netlink::ticks_of(wanted.rate, wanted.burst);
  return queue;
}

void look_at(Node& node, const Shaping& shaping, std::vector<Queue>& queues) {
  if (shaping.ingress)
    queues.push_back(look_at_queue(node, true, shaping.host_name, *shaping.ingress));
  if (shaping.egress) queues.push_back(look_at_queue(node, false, shaping.ifb, *shaping.egress));
}

}  // namespace

std::vector<Queue> look_at_queues(Node& node, const Sighting& sighting) {
  std::vector<Queue> queues;
  if (sighting.attachment.shaping) look_at(node, *sighting.attachment.shaping, queues);
  for (const auto& each : sighting.chained) {
    if (each.attachment.shaping) look_at(node, *each.attachment.shaping, queues);
  }
  return queues;
}

}  // namespace tool
