#pragma once

#include <functional>
#include <string>

#include "plugin/attachment/attachment.h"
#include "plugin/operations/settings.h"

/// What containers left that are gone without a DEL.
namespace operations {

struct Dead {
  attachment::Key key;
  std::string reason;  // why it counts as dead
  std::string kind{};  // of its record: "attachments", or the type that is chained
  bool removed = false;
  std::string problem{};  // why it was not removed
};

struct DeadOptions {
  std::string network;  // empty: all networks
  bool dry_run = false;
};

/// For operators, who have no list: removes the attachments with a record, or with the draft of an
/// ADD that was killed, whose container is provably gone, and what types in their chains have of
/// them. `report` hears of each.
void collect_dead(const DeadOptions& options, const Settings& settings,
                  const std::function<void(const Dead&)>& report);

}  // namespace operations
