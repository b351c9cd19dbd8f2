#pragma once

#include <optional>
#include <string_view>

#include "plugin/attachment/attachment.h"
#include "plugin/cni/request.h"
#include "plugin/cni/result.h"
#include "plugin/config/network.h"
#include "plugin/operations/shared/attempts.h"
#include "plugin/steps/step.h"

/// Another plugin that was there under our name before: what it made has no record of ours, and is
/// to be checked and removed all the same. The operations know no more of it than this; who it was
/// is in plugin/migration.
namespace operations {

struct Predecessor {
  /// What it made, as a kind of records: RecordStore::kInterfaces, or the name of a chained type.
  std::string_view kind;
  /// CHECK without a record: what its ADD must have made, as if it were on record. What contradicts
  /// the result goes into `findings`. Absent where it was not the one who made it. Throws
  /// cni::Error{kInvalidConfig} for a result that no such ADD can have had. Of interfaces only.
  std::optional<attachment::Attachment> (*adopt)(const cni::Request& request,
                                                 const config::Network& network,
                                                 const cni::Result& previous, steps::World& world,
                                                 steps::Findings& findings) = nullptr;
  /// DEL and GC without a record: removes what it made for the request's attachment, as far as
  /// names lead to it, and goes on past what fails. Finding nothing is success.
  void (*remove)(steps::World& world, const cni::Request& request, Attempts& attempts) = nullptr;
};

/// Null where nobody was before us. The list is in plugin/types/predecessors.cpp.
[[nodiscard]] const Predecessor* find_predecessor(std::string_view kind);

/// Its remove(), where there is one.
void remove_of_predecessor(std::string_view kind, steps::World& world, const cni::Request& request,
                           Attempts& attempts);

}  // namespace operations
