// Who was there under our names before us. On the day when nobody comes from them any more, this
// list is emptied and plugin/migration deleted.
#include "plugin/migration/predecessors.h"

#include <algorithm>
#include <array>

#include "plugin/operations/shared/predecessor.h"
#include "plugin/steps/world.h"

namespace operations {
namespace {

constexpr std::array<const Predecessor*, 5> kPredecessors = {
    &migration::kInterfaces, &migration::kPortmap, &migration::kFirewall, &migration::kTuning,
    &migration::kBandwidth};

}  // namespace

const Predecessor* find_predecessor(std::string_view kind) {
  const auto at = std::find_if(kPredecessors.begin(), kPredecessors.end(),
                               [&](const Predecessor* each) { return each->kind == kind; });
  return at == kPredecessors.end() ? nullptr : *at;
}

void remove_of_predecessor(std::string_view kind, steps::World& world, const cni::Request& request,
                           Attempts& attempts) {
  const Predecessor* before = find_predecessor(kind);
  if (before != nullptr) before->remove(world, request, attempts);
}

}  // namespace operations
