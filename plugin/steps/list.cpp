// The steps in their order, and what several of them need.
#include <array>

#include "netlink/sysctl.h"
#include "plugin/steps/step.h"
#include "plugin/steps/world.h"

namespace steps {
namespace {

std::string describe_wrong(const Setting& setting) {
  return setting.name +
         (setting.seen ? " is " + *setting.seen + ", not " + setting.wanted : " is missing");
}

}  // namespace

// A container has no way out, and none leads to it, before its rules are there; where these say
// what it may send at all, its link is not even up. Otherwise the interface that comes up has the
// kernel hold its lock of all links on another processor (linkwatch_event), for as long as a
// transaction of rules takes, which does not need that lock.
std::span<const Step* const> private_steps() {
  static constexpr std::array<const Step*, 26> kSteps = {
      &kBridge,          &kVlanGateway,   &kAdvertisements,  &kInterface,  &kTuning,    &kShaping,
      &kBridgePort,      &kPortVlans,     &kRoutedPort,      &kPtpPort,    &kGateway,   &kAddresses,
      &kFlowsOfOldPorts, &kWithdrawRules, &kMasquerade,      &kIsolation,  &kAntispoof, &kHostPorts,
      &kPublishRules,    &kUpAfterRules,  &kFlowsOfNewPorts, &kHostRoutes, &kPtpRoutes, &kRoutes,
      &kSourceRoutes,    &kCarrier};
  return kSteps;
}

namespace {
constexpr std::size_t kLinkSteps = 4;
}  // namespace

std::span<const Step* const> link_steps() {
  return private_steps().first(kLinkSteps);
}

std::span<const Step* const> inner_steps() {
  return private_steps().subspan(kLinkSteps);
}

std::span<const Step* const> early_steps() {
  static constexpr std::array<const Step*, 4> kSteps = {&kGuardEarly, &kHostEndEarly,
                                                        &kOpenBridgeEarly, &kCarrierEarly};
  return kSteps;
}

std::span<const Step* const> late_steps() {
  static constexpr std::array<const Step*, 1> kSteps = {&kIpv6Late};
  return kSteps;
}

std::span<const Step* const> public_steps() {
  static constexpr std::array<const Step*, 5> kSteps = {
      &kForwarding, &kLocalhost, &kOpenVlanGateway, &kOpenBridge, &kBridgeRoutes};
  return kSteps;
}

std::string ipv6_key(const std::string& interface, std::string_view setting) {
  return "net/ipv6/conf/" + interface + "/" + std::string(setting);
}

Setting look_at_sysctl(const std::string& key, std::string_view wanted) {
  Setting setting{.name = "sysctl " + key, .wanted = std::string(wanted)};
  setting.seen = netlink::read_sysctl(key);
  setting.is_right = setting.seen == wanted;
  return setting;
}

void find_wrong(const Settings& settings, Findings& findings, std::string_view meaning) {
  for (const Setting& setting : settings) {
    if (!setting.is_right) findings.push_back(std::string(meaning) + describe_wrong(setting));
  }
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
