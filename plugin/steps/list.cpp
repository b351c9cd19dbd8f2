#include <array>

#include "plugin/steps/step.h"

namespace steps {

std::span<const Step* const> private_steps() {
  static constexpr std::array<const Step*, 23> kSteps = {
      &kBridge,      &kInterface, &kTuning,          &kShaping,         &kBridgePort, &kPortVlans,
      &kRoutedPort,  &kPtpPort,   &kAddresses,       &kPtpRoutes,       &kRoutes,     &kHostRoutes,
      &kVlanGateway, &kGateway,   &kFlowsOfOldPorts, &kWithdrawRules,   &kMasquerade, &kIsolation,
      &kAntispoof,   &kHostPorts, &kPublishRules,    &kFlowsOfNewPorts, &kCarrier};
  return kSteps;
}

std::span<const Step* const> public_steps() {
  static constexpr std::array<const Step*, 4> kSteps = {&kForwarding, &kLocalhost,
                                                        &kOpenVlanGateway, &kOpenBridge};
  return kSteps;
}

void perform(base::Rollback& undo, std::string what, const std::function<bool()>& effect,
             std::function<void()> reversal) {
  try {
    if (!effect()) return;
  } catch (const netlink::Unanswered&) {
    undo.add(std::move(what), std::move(reversal));
    throw;
  }
  undo.add(std::move(what), std::move(reversal));
}

void all_or_nothing(const std::function<void(base::Rollback&)>& work) {
  // The failure that makes it undo is the one to tell.
  base::Rollback undo([](const std::string&) {});
  work(undo);
  undo.dismiss();
}

}  // namespace steps
