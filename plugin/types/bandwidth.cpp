// Type bandwidth: ADD, DEL, CHECK, GC and STATUS of it behind another plugin in a list.
#include "plugin/config/bandwidth.h"

#include "base/digest.h"
#include "netlink/link.h"
#include "plugin/cni/error.h"
#include "plugin/operations/chained.h"
#include "plugin/operations/shared/plan.h"
#include "plugin/steps/world.h"
#include "plugin/types/type.h"

namespace types {
namespace {

using attachment::Attachment;

constexpr std::array<const steps::Step*, 1> kSteps = {&steps::kShaping};

// Behind all others, as in the reference, so that the indices of addresses stay true.
void describe_ifb(const steps::World& world, const Attachment&, cni::Result& result) {
  if (world.ifb)
    result.interfaces.push_back(
        {.name = world.ifb->name, .mac = world.ifb->mac ? world.ifb->mac->to_string() : ""});
}

void add_bandwidth(const cni::Request& request, const Settings& settings) {
  const config::Bandwidth bandwidth = config::parse_bandwidth(request);
  if (bandwidth.empty()) return operations::pass_on(request, settings);
  operations::add_chained(kChainedBandwidth, request, settings,
                          [&](const cni::Result&, const steps::World& world, Attachment& plan) {
                            const auto link = world.host_end.value_or(netlink::Link{});
                            plan.shaping =
                                operations::plan_shaping(plan.key, bandwidth, link.name, link.mtu);
                            plan.shaping->host_index = link.index;
                          });
}

void delete_bandwidth(const cni::Request& request, const Settings& settings) {
  operations::delete_chained(kChainedBandwidth, request, settings);
}

void check_bandwidth(const cni::Request& request, const Settings& settings) {
  if (config::parse_bandwidth(request).empty()) {
    (void)operations::require_previous_result(request);
  } else {
    operations::check_chained(kChainedBandwidth, request, settings);
  }
}

void collect_bandwidth(const cni::Request& request, const Settings& settings) {
  operations::collect_chained(kChainedBandwidth, request, settings);
}

void report_status(const cni::Request& request, const Settings& settings) {
  (void)config::parse_bandwidth(request);
  operations::require_chained_ready(settings);
}

}  // namespace

const operations::Chained kChainedBandwidth = {
    .name = "bandwidth", .steps = kSteps, .describe = describe_ifb};

const Type kBandwidth = {.name = "bandwidth",
                         .oldest = cni::Version::k0_3_0,
                         .add = add_bandwidth,
                         .del = delete_bandwidth,
                         .check = check_bandwidth,
                         .gc = collect_bandwidth,
                         .status = report_status};

}  // namespace types
