#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "plugin/attachment/attachment.h"

/// Puts back what records say and the kernel lacks.
namespace operations {

struct ReconcileOptions {
  std::string state_directory;
  /// Which attachments; what is absent is any.
  std::optional<std::string> network{};
  std::optional<std::string> container_id{};
  std::optional<std::string> ifname{};
  /// Changes nothing, and says what is amiss.
  bool dry_run = false;
};

enum class Outcome : std::uint8_t {
  kRight,     // nothing was amiss
  kRestored,  // all that was amiss has been put back
  kAmiss,     // something is missing or altered that was not, or in a dry run, put back
  kGone,      // its network namespace is: nothing was touched, and a DEL or GC cleans up
  kBusy,      // another operation is at work on it, or was killed at it: nothing was touched
};

struct Reconciled {
  attachment::Key key;
  Outcome outcome = Outcome::kRight;
  std::string kind{};                   // of its record: "attachments", or the type that is chained
  std::vector<std::string> restored{};  // what was put back, each the name of an object
  std::vector<std::string> problems{};  // what is amiss still, or why nothing was done: sentences
};

/// Goes through the attachments, and what types in their chains have of them, each under its
/// draft's lock so that no other operation is at work on it, and puts back what is missing or
/// altered: what is right is not touched, and what would need a new ADD (a veth pair that is gone)
/// is told. `report` hears of each attachment. Throws base::SystemError where the records cannot be
/// listed.
void reconcile(const ReconcileOptions& options,
               const std::function<void(const Reconciled&)>& report);

}  // namespace operations
