#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/rollback.h"
#include "netlink/netns.h"
#include "plugin/attachment/attachment.h"
#include "plugin/attachment/record_store.h"
#include "plugin/operations/settings.h"

/// The order of record and effects, which is the same for all that leaves a record.
namespace operations {

struct Recorded {
  const attachment::RecordStore& records;
  attachment::Key key;
  /// Removes every trace of an attachment; where nothing is known of it, of what its key leads to.
  std::function<void(const std::optional<attachment::Attachment>&)> tear_down;
};

/// What an ADD does between the beginning of its draft and the handing over of its result.
struct Making {
  /// Whether what an earlier ADD made is still in use.
  std::function<bool(const attachment::Attachment&)> is_live;
  /// Writes to the draft what it is about to do before it does it, and returns the result document.
  std::function<std::string(attachment::Draft&, base::Rollback&)> make;
};

/// ADD. What a killed one left, and what the record of a container that is gone leads to, is torn
/// down first; a live attachment is cni::Error{kConflict}. Whatever fails, the delivery included,
/// everything is undone before it is thrown on.
void add_recorded(const Recorded& recorded, const Settings& settings, const Making& making);

/// DEL. Waits for an ADD that is at work on the attachment, and keeps another one from beginning:
/// what that made would be taken for what is to be removed.
void delete_recorded(const Recorded& recorded, const Settings& settings);

/// Removes an attachment if `is_due` says so once nobody else can be at work on it; throws
/// cni::Error{kTryAgainLater} where somebody is.
void remove_recorded_if(const Recorded& recorded, const Settings& settings,
                        const std::function<bool()>& is_due);

/// GC of one attachment. One that an ADD is at work on is left alone, which is said.
void collect_recorded(const Recorded& recorded, const Settings& settings);

/// Whether the container that the record tells of is still there, or it is this one. A container
/// has one network namespace: if it comes back in another one, and the path that it had leads there
/// no more, the first is gone, even while the kernel still takes it down.
[[nodiscard]] bool is_current(const attachment::Attachment& existing,
                              const netlink::NamespaceIdentity& container);

/// Throws cni::Error{kCheckFailed} where there is none.
[[nodiscard]] attachment::Attachment require_record(const attachment::RecordStore& records,
                                                    const attachment::Key& key);

}  // namespace operations
