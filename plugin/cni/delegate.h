#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "plugin/cni/request.h"

namespace cni {

/// Runs the plugin `type` found in the request's CNI_PATH (first regular file of that name,
/// symbolic links followed) with the request's environment and its stdin byte for byte, CNI_COMMAND
/// set to `command`, and returns its stdout, at most 16 MiB. Its stderr goes to ours, always. It
/// dies with us (PR_SET_PDEATHSIG) and is killed, with its process group, when `patience` runs out.
/// A text file being busy (ETXTBSY, the binary is just being replaced) is tried again for 1 s.
///
/// Throws Error: kInvalidConfig for an empty type, one with a slash, or one that is nowhere in
/// CNI_PATH (the message lists the directories); kInvalidEnvironment where CNI_PATH is missing; the
/// delegate's own code, msg and details when it fails with an error document; kDelegate where it
/// fails otherwise, hangs, or answers too much.
[[nodiscard]] std::string run_delegate(const Request& request, std::string_view type,
                                       Command command, std::chrono::milliseconds patience);

/// Throws as run_delegate does where the plugin cannot be run at all, without running it.
void require_delegate(const Request& request, std::string_view type);

}  // namespace cni
