#pragma once

#include <functional>
#include <string>

#include "plugin/cni/request.h"
#include "plugin/config/network.h"

/// The operations of the types that make a container's interface.
namespace types {

class Stopwatch;

struct Settings {
  std::string state_directory = "/run/patchcord";
  /// Takes a line for stderr: what could not be undone, what was ignored and why.
  std::function<void(const std::string&)> report;
  /// Hands the result document to the runtime. Throws base::SystemError where it does not take it.
  std::function<void(const std::string&)> deliver;
  /// Takes the times of an operation's parts, where somebody wants them.
  Stopwatch* watch = nullptr;
};

/// Makes the attachment and delivers the result; whatever fails, everything is undone before it is
/// thrown on.
void add(const cni::Request& request, const config::Network& network, const Settings& settings);

/// Removes every trace that the record, or without one the names, lead to. Throws once, at the end,
/// what did not work.
void del(const cni::Request& request, const Settings& settings);

/// As del, for the names of the reference plugins: where there is no record, the reference may have
/// made the pair, and CNI_IFNAME in CNI_NETNS leads to it.
void del_drop_in(const cni::Request& request, const Settings& settings);

/// Throws cni::Error{kCheckFailed} that names everything missing or altered.
void check(const cni::Request& request, const Settings& settings);

/// As check, for the names of the reference plugins: where there is no record, the reference may
/// have made the attachment, and `parse` reads what it went by.
void check_drop_in(const cni::Request& request, const Settings& settings,
                   config::Network (*parse)(const cni::Request&));

}  // namespace types
