#include "plugin/operations/check.h"

#include <algorithm>

#include "plugin/attachment/record_store.h"
#include "plugin/cni/error.h"
#include "plugin/lease/lease.h"
#include "plugin/operations/shared/findings.h"
#include "plugin/operations/shared/plan.h"
#include "plugin/operations/shared/predecessor.h"
#include "plugin/operations/shared/recorded.h"
#include "plugin/operations/shared/stage.h"
#include "plugin/steps/step.h"

namespace operations {
namespace {

using attachment::Attachment;
using attachment::RecordStore;

void check_previous_result(const cni::Result& previous, const steps::World& world,
                           const Attachment& attachment, steps::Findings& findings) {
  const auto at = std::find_if(
      previous.interfaces.begin(), previous.interfaces.end(), [&](const auto& interface) {
        return interface.name == attachment.key.ifname && !interface.sandbox.empty();
      });
  if (at == previous.interfaces.end()) {
    findings.push_back("prevResult has no container interface " + attachment.key.ifname);
    return;
  }
  if (!world.container_end || at->mac.empty()) return;
  const auto mac = base::MacAddress::parse(at->mac);
  if (mac != world.container_end->mac) {
    findings.push_back("container interface " + attachment.key.ifname +
                       " does not have the MAC address " + at->mac);
  }
}

bool lists(const cni::Result& previous, const cni::Route& route) {
  return std::any_of(previous.routes.begin(), previous.routes.end(), [&](const auto& listed) {
    return listed.destination.network() == route.destination.network() &&
           (!listed.gateway || !route.gateway || listed.gateway == route.gateway);
  });
}

bool lists(const cni::Result& previous, const Attachment& attachment,
           const attachment::Address& address) {
  return std::any_of(previous.ips.begin(), previous.ips.end(), [&](const auto& ip) {
    return ip.address.address() == address.prefix.address() &&
           cni::is_of_container(previous, ip, attachment.key.ifname);
  });
}

// What was on record and is in the result no more, others of the chain have taken out on purpose.
Attachment as_listed(Attachment attachment, const cni::Result& previous) {
  std::erase_if(attachment.routes, [&](const auto& route) { return !lists(previous, route); });
  std::erase_if(attachment.addresses,
                [&](const auto& address) { return !lists(previous, attachment, address); });
  return attachment;
}

using Parse = config::Network (*)(const cni::Request&);

// `parse` is null where only we can have made the attachment.
Attachment find_attachment(const cni::Request& request, const cni::Result& previous, Parse parse,
                           Stage& stage, steps::Findings& findings) {
  const auto key = key_of(request);
  if (parse == nullptr || stage.records.exists(key)) return require_record(stage.records, key);
  const Predecessor* before = find_predecessor(RecordStore::kInterfaces);
  if (before == nullptr) return require_record(stage.records, key);
  auto adopted = before->adopt(request, parse(request), previous, stage.world, findings);
  return adopted ? std::move(*adopted) : require_record(stage.records, key);
}

void check_attachment(const cni::Request& request, const Settings& settings, Parse parse) {
  const auto previous = request.previous_result();
  if (!previous)
    throw cni::Error(cni::Code::kInvalidConfig, "prevResult: is missing; CHECK compares with it");
  Stage stage(RecordStore(settings.state_directory), request);
  steps::Findings findings;
  const Attachment recorded = find_attachment(request, *previous, parse, stage, findings);
  const Attachment attachment = as_listed(recorded, *previous);
  steps::World& world = stage.world;
  check_namespace(request, stage.container_identity(), attachment, findings);
  for (const auto* step : steps::private_steps()) step->check(world, attachment, findings);
  for (const auto* step : steps::public_steps()) step->check(world, attachment, findings);
  check_previous_result(*previous, world, attachment, findings);
  for (auto& finding : lease::check(request, recorded, settings.state_directory))
    findings.push_back(std::move(finding));
  throw_findings(findings);
}

}  // namespace

void check(const cni::Request& request, const Settings& settings) {
  check_attachment(request, settings, nullptr);
}

void check_drop_in(const cni::Request& request, const Settings& settings, Parse parse) {
  check_attachment(request, settings, parse);
}

}  // namespace operations
