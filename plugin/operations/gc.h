#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ipam/store.h"
#include "plugin/attachment/attachment.h"
#include "plugin/cni/request.h"
#include "plugin/operations/settings.h"

/// GC: what runtimes have lost sight of.
namespace operations {

/// Removes everything of the request's network that belongs to attachments that are not listed as
/// valid: those with a record, those with no more than a host end that bears our mark, and those
/// with no more than a reservation. An attachment that an ADD is at work on is left. Without a list
/// nothing is removed. Throws one cni::Error{kIncomplete} at the end.
void collect(const cni::Request& request, const Settings& settings);

/// What collect() would remove, a line each that says why; removes nothing. Throws as collect().
[[nodiscard]] std::vector<std::string> list_garbage(const cni::Request& request,
                                                    const Settings& settings);

/// Which of the holders of addresses the list does not have. One in the old form, without an
/// interface, is valid if any interface of its container is. Absent without a list, which is said.
[[nodiscard]] std::optional<std::function<bool(const ipam::Owner&)>> stale_by(
    const cni::Request& request, const Settings& settings);

}  // namespace operations
