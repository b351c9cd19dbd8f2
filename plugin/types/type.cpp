#include "plugin/types/type.h"

#include <algorithm>
#include <array>

namespace types {
namespace {

constexpr std::array<const Type*, 10> kTypes = {&kPatchcord, &kBridge,   &kPtp,     &kHostLocal,
                                                &kStatic,    &kLoopback, &kPortmap, &kFirewall,
                                                &kTuning,    &kBandwidth};

}  // namespace

std::span<const Type* const> all_types() {
  return kTypes;
}

const Type* find_type(std::string_view called_as) {
  const std::string_view name = called_as.substr(called_as.rfind('/') + 1);
  const auto at = std::find_if(kTypes.begin(), kTypes.end(),
                               [&](const Type* type) { return type->name == name; });
  return at == kTypes.end() ? nullptr : *at;
}

}  // namespace types

namespace operations {

std::span<const Chained* const> chained_types() {
  static constexpr std::array<const Chained*, 4> kChained = {
      &types::kChainedPortmap, &types::kChainedFirewall, &types::kChainedTuning,
      &types::kChainedBandwidth};
  return kChained;
}

}  // namespace operations
