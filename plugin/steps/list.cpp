#include <array>

#include "plugin/steps/step.h"

namespace steps {

std::span<const Step* const> private_steps() {
  static constexpr std::array<const Step*, 8> kSteps = {&kBridge,    &kInterface,  &kBridgePort, &kRoutedPort,
                                                        &kAddresses, &kHostRoutes, &kGateway,    &kCarrier};
  return kSteps;
}

std::span<const Step* const> public_steps() {
  static constexpr std::array<const Step*, 2> kSteps = {&kForwarding, &kOpenBridge};
  return kSteps;
}

}  // namespace steps
