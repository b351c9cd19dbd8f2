#pragma once

#include <chrono>
#include <functional>

#include "base/unique_fd.h"
#include "netlink/netns.h"

namespace netlink {

/// Listens to the kernel's notifications of links and addresses in one namespace. Opened before the
/// state is looked at, so that no change between the look and the wait is missed.
class Monitor {
 public:
  Monitor(const Namespace& target, const Namespace& home);

  /// Looks with `reached` now and again after each notification, until it says true. False when
  /// `patience` ran out. A lost notification (ENOBUFS) counts as one.
  [[nodiscard]] bool wait_until(const std::function<bool()>& reached,
                                std::chrono::milliseconds patience);

 private:
  base::UniqueFd fd_;
};

}  // namespace netlink
