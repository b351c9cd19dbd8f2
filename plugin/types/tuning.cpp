#include "plugin/config/tuning.h"

#include <array>

#include <fcntl.h>

#include "base/file.h"
#include "netlink/error.h"
#include "netlink/link.h"
#include "plugin/operations/chained.h"
#include "plugin/operations/shared/plan.h"
#include "plugin/types/type.h"

namespace types {
namespace {

using attachment::Attachment;
using netlink::Namespace;

constexpr std::array<const steps::Step*, 1> kSteps = {&steps::kTuning};

// The address as the kernel prints it, so that a CHECK of whichever plugin compares like with like.
void describe_tuned(const steps::World&, const Attachment& attachment, cni::Result& result) {
  const auto& link = attachment.tuning->link;
  for (auto& interface : result.interfaces) {
    if (interface.name != attachment.key.ifname || interface.sandbox.empty()) continue;
    if (link.mac) interface.mac = link.mac->to_string();
    if (link.mtu && interface.mtu != 0) interface.mtu = *link.mtu;
  }
}

void put_back(steps::World& world, const cni::Request& request,
              const attachment::LinkSettings& before) {
  const auto container = Namespace::find(request.netns);
  if (!container || container->identity() == world.host_namespace.identity()) return;
  auto socket = netlink::Socket::in(*container, world.host_namespace);
  const auto link = netlink::find_link(socket, request.ifname);
  if (!link) return;
  netlink::change_link(socket, *link,
                       {.promiscuous = before.promiscuous,
                        .all_multicast = before.all_multicast,
                        .mac = before.mac,
                        .mtu = before.mtu,
                        .tx_queue_length = before.tx_queue_length});
}

// The reference's DEL ignores what cannot be put back, too, but then leaves the file.
void remove_reference_backup(steps::World& world, const cni::Request& request) {
  constexpr std::size_t kLongest = 1U << 16;
  const std::string path = config::reference_backup_path(request);
  const auto text = base::read_file(path, kLongest);
  if (!text) return;
  try {
    put_back(world, request, config::parse_reference_backup(*text));
  } catch (const netlink::Error&) {
    // The interface may be one that does not know the setting; it goes with its container.
  }
  (void)base::remove_file_at(AT_FDCWD, path);
}

void add_tuning(const cni::Request& request, const Settings& settings) {
  const config::Tuning tuning = config::parse_tuning(request);
  if (tuning.empty()) return pass_on(request, settings);
  add_chained(kChainedTuning, request, settings,
              [&](const cni::Result&, const steps::World& world, Attachment& plan) {
                plan.tuning = plan_tuning(tuning);
                steps::remember_originals(world, *plan.tuning);
              });
}

void delete_tuning(const cni::Request& request, const Settings& settings) {
  delete_chained(kChainedTuning, request, settings);
}

void check_tuning(const cni::Request& request, const Settings& settings) {
  if (config::parse_tuning(request).empty()) {
    (void)require_previous_result(request);
  } else {
    check_chained(kChainedTuning, request, settings);
  }
}

void collect_tuning(const cni::Request& request, const Settings& settings) {
  collect_chained(kChainedTuning, request, settings);
}

void report_status(const cni::Request& request, const Settings& settings) {
  (void)config::parse_tuning(request);
  require_chained_ready(settings);
}

}  // namespace

const Chained kChainedTuning = {.name = "tuning",
                                .steps = kSteps,
                                .describe = describe_tuned,
                                .remove_foreign = remove_reference_backup};

const Type kTuning = {.name = "tuning",
                      .oldest = cni::Version::k0_1_0,
                      .add = add_tuning,
                      .del = delete_tuning,
                      .check = check_tuning,
                      .gc = collect_tuning,
                      .status = report_status};

}  // namespace types
