#include "plugin/operations/shared/recorded.h"

#include <chrono>

#include "base/error.h"
#include "plugin/cni/error.h"

namespace operations {
namespace {

using attachment::Attachment;
using attachment::Key;
using attachment::RecordStore;

void refuse_live_attachment(const Recorded& recorded, const Making& making) {
  const Key& key = recorded.key;
  const auto existing = recorded.records.find(key);
  if (!existing) return;
  if (making.is_live(*existing)) {
    throw cni::Error(cni::Code::kConflict, "container " + key.container_id +
                                               " is attached to network " + key.network +
                                               " with interface " + key.ifname +
                                               " already; delete that attachment first");
  }
  // Its container went away without a DEL, and its interface with it.
  recorded.tear_down(existing);
  recorded.records.remove(key);
}

// What the record led to is gone by then, so it does no harm where it has to stay: its file system
// is read-only, or it is a directory with something in it.
void remove_record(const Recorded& recorded, const Settings& settings) {
  try {
    recorded.records.remove(recorded.key);
  } catch (const base::SystemError& error) {
    settings.report(std::string("the record stays, and leads to nothing: ") + error.what());
  }
}

void remove_locked(const Recorded& recorded, const Settings& settings,
                   const RecordStore::Opened& opened) {
  if (!opened.remark.empty())
    settings.report("not a record, so names are what is gone by: " + opened.remark);
  if (opened.is_torso) recorded.tear_down(opened.torso);
  const auto record = recorded.records.find(recorded.key);
  if (record || !opened.is_torso) recorded.tear_down(record);
  remove_record(recorded, settings);
}

// A file system that is full takes no draft, and an ADD finds no room to begin then; the record
// becomes one without it.
void remove_by_record_if(const Recorded& recorded, const Settings& settings,
                         const std::function<bool()>& is_due) {
  if (!is_due()) return;
  const auto opened = recorded.records.take(recorded.key, std::chrono::milliseconds(0));
  remove_locked(recorded, settings, opened);
  recorded.records.discard(recorded.key, opened.draft);
}

std::optional<RecordStore::Opened> begin_if_possible(const Recorded& recorded) {
  try {
    return recorded.records.begin(recorded.key);
  } catch (const cni::Error& error) {
    if (error.code() == static_cast<unsigned>(cni::Code::kTryAgainLater)) throw;
  } catch (const base::SystemError&) {
    // What else is wrong with it is found when the record is taken.
  }
  return std::nullopt;
}

}  // namespace

// Whoever finds the draft of a process that is gone clears up after it, so it stays a draft until
// the runtime has the result; but it has to be a record by then, because nobody can be told any
// more that it could not become one.
void add_recorded(const Recorded& recorded, const Settings& settings, const Making& making) {
  auto opened = recorded.records.begin(recorded.key);
  base::Rollback undo(settings.report);
  bool is_published = false;
  try {
    if (opened.is_torso || opened.is_published) recorded.tear_down(opened.torso);
    // Its ADD may have been killed before the runtime had the result.
    if (opened.is_published) (void)recorded.records.remove(recorded.key);
    refuse_live_attachment(recorded, making);
    const std::string document = making.make(opened.draft, undo);
    recorded.records.publish(recorded.key, opened.draft);
    is_published = true;
    settings.deliver(document);
    undo.dismiss();
    recorded.records.finish(opened.draft);
  } catch (...) {
    if (is_published) recorded.records.unpublish(recorded.key);
    // What could not be undone stays on record, so that a DEL can try again.
    if (undo.run()) recorded.records.discard(recorded.key, opened.draft);
    throw;
  }
}

void delete_recorded(const Recorded& recorded, const Settings& settings) {
  constexpr std::chrono::seconds kPatience{30};
  const auto opened = recorded.records.take(recorded.key, kPatience);
  try {
    remove_locked(recorded, settings, opened);
  } catch (...) {
    if (!opened.is_torso) recorded.records.discard(recorded.key, opened.draft);
    throw;
  }
  recorded.records.discard(recorded.key, opened.draft);
}

// Under the lock of a draft, so that no ADD of the same attachment begins meanwhile, and one that
// is at work is seen.
void remove_recorded_if(const Recorded& recorded, const Settings& settings,
                        const std::function<bool()>& is_due) {
  const auto opened = begin_if_possible(recorded);
  if (!opened) return remove_by_record_if(recorded, settings, is_due);
  bool due = false;
  try {
    due = is_due();
    if (due) remove_locked(recorded, settings, *opened);
  } catch (...) {
    // What a killed ADD had written still leads to what is left.
    if (!opened->is_torso) recorded.records.discard(recorded.key, opened->draft);
    throw;
  }
  if (due || !opened->is_torso) recorded.records.discard(recorded.key, opened->draft);
}

void collect_recorded(const Recorded& recorded, const Settings& settings) {
  try {
    remove_recorded_if(recorded, settings, [] { return true; });
  } catch (const cni::Error& error) {
    if (error.code() != static_cast<unsigned>(cni::Code::kTryAgainLater)) throw;
    settings.report(std::string("GC left an attachment alone: ") + error.what());
  }
}

bool is_current(const Attachment& existing, const netlink::NamespaceIdentity& container) {
  return existing.netns == container || attachment::find_container(existing);
}

Attachment require_record(const RecordStore& records, const Key& key) {
  if (auto attachment = records.find(key)) return std::move(*attachment);
  throw cni::Error(cni::Code::kCheckFailed, "there is no record of the attachment " +
                                                attachment::to_string(key) + " in " +
                                                records.state_directory());
}

}  // namespace operations
