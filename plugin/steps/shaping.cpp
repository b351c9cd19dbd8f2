// Rates of both directions: queues on the host end, and an ifb for what the container sends.
#include <algorithm>

#include "netlink/filter.h"
#include "netlink/glance.h"
#include "netlink/qdisc.h"
#include "netlink/sysctl.h"
#include "plugin/cni/error.h"
#include "plugin/steps/step.h"
#include "plugin/steps/world.h"

// What the container receives is queued on the host end. What it sends comes out of there, where
// nothing can be queued, and is redirected to an ifb that queues it. Where some subnets are
// exempt, or only some are limited, an htb tells the two apart; else a token bucket does.

namespace steps {
namespace {

using attachment::Attachment;
using attachment::RateLimit;
using attachment::Shaping;
using netlink::Filter;
using netlink::Link;
using netlink::Side;
using netlink::Socket;

constexpr std::uint32_t kLargestPacket = 65'536;  // of segmentation offload
constexpr std::uint64_t kFastest = 25'000'000;    // bytes a second that need segments
constexpr std::uint32_t kEthernetHeader = 14;

std::uint32_t packet_of(const Shaping& shaping) {
  return shaping.mtu + kEthernetHeader;
}

// A packet of segmentation offload takes half a second at 1 Mbit/s, in which nothing else passes.
// At high rates cutting costs more than it brings.
netlink::TokenBucket bucket_of(const Shaping& shaping, const RateLimit& limit) {
  const std::uint32_t segment = 2 * packet_of(shaping);
  return {.rate = limit.rate,
          .burst = limit.burst,
          .limit = limit.limit,
          .segment = limit.rate <= kFastest && limit.burst > segment ? segment : 0};
}

// The far end of the traffic is what tells: the source of what comes to the container, the
// destination of what it sends.
std::vector<Filter> filters_for(const Shaping& shaping, Side far) {
  std::vector<Filter> filters;
  for (const auto& subnet : shaping.subnets) {
    filters.push_back(
        {.parent = netlink::kRootHandle,
         .prefix = subnet,
         .side = far,
         .class_id = shaping.shapes_subnets ? netlink::kShapedClass : netlink::kRootHandle});
  }
  return filters;
}

void add_queue(Socket& host, const Link& link, const Shaping& shaping, const RateLimit& limit,
               Side far) {
  netlink::Leaf leaf{.bytes = limit.queue, .packet = packet_of(shaping), .rate = limit.rate};
  if (shaping.subnets.empty()) {
    netlink::add_token_bucket(host, link, bucket_of(shaping, limit));
    leaf.parent = netlink::kRootHandle + 1;
  } else {
    netlink::add_shaped_class(host, link, bucket_of(shaping, limit), !shaping.shapes_subnets);
    leaf.parent = netlink::kShapedClass;
    leaf.bytes += kLargestPacket;
    for (const Filter& filter : filters_for(shaping, far)) netlink::add_filter(host, link, filter);
  }
  netlink::add_leaf(host, link, leaf);
}

const Link& require_host_end(const World& world, const Attachment& attachment) {
  if (world.host_end) return *world.host_end;
  throw cni::Error(cni::Code::kConflict,
                   "container interface " + attachment.key.ifname +
                       " is not one end of a veth pair whose other end is on the host, where its "
                       "rates could be limited");
}

void make_ifb(World& world, const Attachment& attachment, const std::string& name,
              base::Rollback& undo) {
  perform(
      undo, "ifb " + name,
      [&] {
        netlink::create_ifb(world.host, name, world.host_end->mtu);
        return true;
      },
      [&world, name] { netlink::delete_link(world.host, name); });
  // It carries others' packets and needs no addresses, nor neighbours, of its own.
  netlink::write_sysctl(ipv6_key(name, "disable_ipv6"), "1");
  netlink::change_link(world.host, name,
                       {.up = true, .alias = attachment::alias_of(attachment.key)});
  world.ifb = netlink::find_link(world.host, name);
  if (!world.ifb)
    throw cni::Error(cni::Code::kConflict, "ifb " + name + " was removed while it was set up");
}

Filter redirection_to(const Link& ifb) {
  return {.parent = netlink::kIngressHandle, .redirect_to = ifb.index};
}

// The redirection comes last: from then on traffic goes through the queue.
void limit_egress(World& world, const Attachment& attachment, base::Rollback& undo) {
  const Shaping& shaping = *attachment.shaping;
  const Link& host_end = *world.host_end;
  make_ifb(world, attachment, shaping.ifb, undo);
  add_queue(world.host, *world.ifb, shaping, *shaping.egress, Side::kDestination);
  perform(
      undo, "the ingress queue of " + host_end.name,
      [&] {
        netlink::add_ingress(world.host, host_end);
        return true;
      },
      [&world, index = host_end.index, name = host_end.name] {
        netlink::remove_qdisc(world.host, index, netlink::kIngressParent, name);
      });
  netlink::add_filter(world.host, host_end, redirection_to(*world.ifb));
}

void limit_ingress(World& world, const Shaping& shaping, base::Rollback& undo) {
  const Link& host_end = *world.host_end;
  if (netlink::find_qdisc(world.host, host_end, netlink::kRootParent)
          .value_or(netlink::Shaper{})
          .handle == netlink::kRootHandle) {
    throw cni::Error(cni::Code::kConflict,
                     "the rate of host interface " + host_end.name + " is limited already");
  }
  // Before the effect, which is several.
  undo.add("the queue of " + host_end.name, [&world, index = host_end.index, name = host_end.name] {
    netlink::remove_qdisc(world.host, index, netlink::kRootParent, name);
  });
  add_queue(world.host, host_end, shaping, *shaping.ingress, Side::kSource);
}

void apply(World& world, Attachment& attachment, base::Rollback& undo) {
  if (!attachment.shaping) return;
  (void)require_host_end(world, attachment);
  if (attachment.shaping->ingress) limit_ingress(world, *attachment.shaping, undo);
  if (attachment.shaping->egress) limit_egress(world, attachment, undo);
}

void check_numbers(const netlink::Shaper& seen, const Shaping& shaping, const RateLimit& limit,
                   const std::string& what, Findings& findings) {
  const auto compare = [&](std::string_view name, std::uint64_t is, std::uint64_t should,
                           std::string_view unit) {
    if (is != should)
      findings.push_back(what + ": " + std::string(name) + " is " + std::to_string(is) + " " +
                         std::string(unit) + ", not " + std::to_string(should));
  };
  compare("rate", seen.rate, limit.rate, "bytes/s");
  compare("buffer", seen.buffer, netlink::ticks_of(limit.rate, limit.burst), "ticks of 64 ns");
  if (shaping.subnets.empty()) compare("limit", seen.limit, limit.limit, "bytes");
}

bool has_same(std::vector<Filter> seen, const std::vector<Filter>& wanted) {
  for (const Filter& filter : wanted) {
    const auto at = std::find(seen.begin(), seen.end(), filter);
    if (at == seen.end()) return false;
    seen.erase(at);
  }
  return seen.empty();
}

// What goes through one queue: its rate, and at which end of a packet the others are.
struct Direction {
  const RateLimit& limit;
  Side far;
};

void check_queue(World& world, const Link& link, const Shaping& shaping, const Direction& direction,
                 Findings& findings) {
  const std::string what = "the queue of " + link.name;
  const std::string kind = shaping.subnets.empty() ? "tbf" : "htb";
  auto seen = netlink::find_qdisc(world.host, link, netlink::kRootParent);
  if (!seen || seen->kind != kind) {
    findings.push_back(what + " is no " + kind);
    return;
  }
  if (kind == "htb") {
    const auto wanted = filters_for(shaping, direction.far);
    const bool by_default = seen->default_class == (netlink::kShapedClass & 0xffffU);
    if (by_default == shaping.shapes_subnets ||
        !has_same(netlink::filters_of(world.host, link, netlink::kRootHandle), wanted))
      findings.push_back(what + " does not tell the subnets apart");
    seen = netlink::find_class(world.host, link, netlink::kShapedClass);
    if (!seen) findings.push_back(what + " has no class 1:30");
  }
  if (seen) check_numbers(*seen, shaping, direction.limit, what, findings);
}

void check_egress(World& world, const Shaping& shaping, Findings& findings) {
  world.ifb = netlink::find_link(world.host, shaping.ifb);
  if (!world.ifb || world.ifb->kind != "ifb") {
    findings.push_back("ifb " + shaping.ifb + " is missing");
    return;
  }
  if (!world.ifb->is_up()) findings.push_back("ifb " + shaping.ifb + " is down");
  check_queue(world, *world.ifb, shaping, {*shaping.egress, Side::kDestination}, findings);
  if (!has_same(netlink::filters_of(world.host, *world.host_end, netlink::kIngressHandle),
                {redirection_to(*world.ifb)}))
    findings.push_back("what comes out of " + world.host_end->name + " is not redirected to ifb " +
                       shaping.ifb);
}

void check(World& world, const Attachment& attachment, Findings& findings) {
  if (!attachment.shaping) return;
  const Shaping& shaping = *attachment.shaping;
  if (!world.host_end) {
    findings.push_back("host interface " + shaping.host_name + " is missing");
    return;
  }
  if (shaping.ingress)
    check_queue(world, *world.host_end, shaping, {*shaping.ingress, Side::kSource}, findings);
  if (shaping.egress) check_egress(world, shaping, findings);
}

void remove_queues(World& world, const Link& host_end, const Shaping& shaping) {
  if (shaping.ingress)
    netlink::remove_qdisc(world.host, host_end.index, netlink::kRootParent, host_end.name);
  if (shaping.egress)
    netlink::remove_qdisc(world.host, host_end.index, netlink::kIngressParent, host_end.name);
}

void remove_ifb(World& world, const Attachment& attachment) {
  // Its name is a digest of the key, which is all that there is without a record.
  const std::string name = attachment::host_name_of(attachment.key, kIfbPrefix);
  if (!netlink::may_have_link(world.host, name)) return;
  const auto ifb = netlink::find_link(world.host, name);
  if (!ifb || ifb->kind != "ifb") return;
  // One that a killed ADD made has no alias yet.
  if (ifb->alias.empty() || ifb->alias == attachment::alias_of(attachment.key))
    netlink::delete_link(world.host, ifb->index, ifb->name);
}

// A number and a name can be given again.
bool is_on_record(const Link& link, const Attachment& attachment) {
  if (link.kind != "veth" || link.name != attachment.shaping->host_name) return false;
  const auto& mac = attachment.wire.host_mac;
  return link.alias == attachment::alias_of(attachment.key) || (mac.is_usable() && link.mac == mac);
}

// The queues go with the interface, which another plugin may keep.
void remove(World& world, const Attachment& attachment) {
  const auto& shaping = attachment.shaping;
  if (shaping && shaping->host_index != 0) {
    const auto host_end = netlink::find_link(world.host, shaping->host_index);
    if (host_end && is_on_record(*host_end, attachment)) remove_queues(world, *host_end, *shaping);
  }
  const bool is_recorded = !attachment.netns_path.empty();
  if (shaping ? shaping->egress.has_value() : !is_recorded) remove_ifb(world, attachment);
}

// From the beginning: half a queue is of no use.
void restore(World& world, const Attachment& attachment, Findings& restored) {
  Findings findings;
  check(world, attachment, findings);
  if (findings.empty() || !world.host_end) return;
  remove_queues(world, *world.host_end, *attachment.shaping);
  if (attachment.shaping->egress) remove_ifb(world, attachment);
  base::Rollback undo([](const std::string&) {});
  Attachment again = attachment;
  apply(world, again, undo);
  undo.dismiss();
  restored.push_back("the rates of " + world.host_end->name);
}

}  // namespace

const Step kShaping = {
    .name = "shaping", .apply = apply, .check = check, .remove = remove, .restore = restore};

}  // namespace steps
