// Type tuning: ADD, DEL, CHECK, GC and STATUS of it behind another plugin in a list.
#include "plugin/config/tuning.h"

#include <array>

#include "plugin/cni/error.h"
#include "plugin/operations/chained.h"
#include "plugin/operations/shared/ipv6.h"
#include "plugin/operations/shared/plan.h"
#include "plugin/ruleset/parts.h"
#include "plugin/steps/world.h"
#include "plugin/types/type.h"

namespace types {
namespace {

using attachment::Attachment;

// Rules know a new MAC before it is there, and for as long as it is.
constexpr std::array<const steps::Step*, 4> kSteps = {&steps::kWithdrawRules, &steps::kTunedMac,
                                                      &steps::kPublishRules, &steps::kTuning};

// The address as the kernel prints it, so that a CHECK of whichever plugin compares like with like.
void describe_tuned(const steps::World&, const Attachment& attachment, cni::Result& result) {
  const auto& link = attachment.tuning->link;
  for (auto& interface : result.interfaces) {
    if (interface.name != attachment.key.ifname || interface.sandbox.empty()) continue;
    if (link.mac) interface.mac = link.mac->to_string();
    if (link.mtu && interface.mtu != 0) interface.mtu = *link.mtu;
  }
}

// The kernel would take IPv6 off the interface, and the result would still have its address.
void refuse_small_mtu(const config::Tuning& tuning, const cni::Result& previous,
                      const std::string& ifname) {
  if (!tuning.link.mtu || *tuning.link.mtu >= operations::kLeastMtuOfIpv6) return;
  for (const auto& ip : previous.ips) {
    if (ip.address.family() != base::Family::kIpv6) continue;
    if (!cni::is_of_container(previous, ip, ifname)) continue;
    throw cni::Error(cni::Code::kInvalidConfig,
                     "mtu: " + std::to_string(*tuning.link.mtu) +
                         " is below 1280, the least that IPv6 works with (RFC 8200), and " +
                         ifname + " has " + ip.address.to_string());
  }
}

// Of an interface of ours, whose record says what binds it to its MAC.
void follow_mac(const steps::World& world, Attachment& plan) {
  if (!plan.tuning->link.mac) return;
  const attachment::RecordStore interfaces(world.records.state_directory());
  if (const auto record = interfaces.find(plan.key))
    plan.tuning->port = ruleset::find_guarded_port(*record);
}

void add_tuning(const cni::Request& request, const Settings& settings) {
  const config::Tuning tuning = config::parse_tuning(request);
  if (tuning.empty()) return operations::pass_on(request, settings);
  operations::add_chained(
      kChainedTuning, request, settings,
      [&](const cni::Result& previous, const steps::World& world, Attachment& plan) {
        refuse_small_mtu(tuning, previous, request.ifname);
        plan.tuning = operations::plan_tuning(tuning);
        steps::remember_originals(world, *plan.tuning);
        follow_mac(world, plan);
      });
}

void delete_tuning(const cni::Request& request, const Settings& settings) {
  operations::delete_chained(kChainedTuning, request, settings);
}

void check_tuning(const cni::Request& request, const Settings& settings) {
  const config::Tuning tuning = config::parse_tuning(request);
  if (tuning.empty()) {
    (void)operations::require_previous_result(request);
  } else {
    operations::check_chained(kChainedTuning, request, settings, [&](Attachment& plan) {
      plan.tuning = operations::plan_tuning(tuning);
    });
  }
}

void collect_tuning(const cni::Request& request, const Settings& settings) {
  operations::collect_chained(kChainedTuning, request, settings);
}

void report_status(const cni::Request& request, const Settings& settings) {
  (void)config::parse_tuning(request);
  operations::require_chained_ready(settings);
}

}  // namespace

const operations::Chained kChainedTuning = {
    .name = "tuning", .steps = kSteps, .describe = describe_tuned};

const Type kTuning = {.name = "tuning",
                      .oldest = cni::Version::k0_1_0,
                      .add = add_tuning,
                      .del = delete_tuning,
                      .check = check_tuning,
                      .gc = collect_tuning,
                      .status = report_status};

}  // namespace types
