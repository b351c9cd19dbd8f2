#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plugin/config/fabric.h"

/// What routing daemons say of themselves, by the sockets that birdc and vtysh use. They are only
/// asked, and told nothing.
namespace tool {

struct Daemon {
  struct Session {
    std::string name;
    bool is_up = false;
    std::string state;  // in the daemon's words
  };
  std::string name;  // "BIRD", "FRR"
  std::vector<Session> sessions;
  std::vector<std::string> unreachable;  // prefixes whose next hop it cannot resolve
  std::vector<std::string> unannounced;  // of the blocks
};

/// Absent where nobody listens. Throws base::SystemError where somebody does and answers nothing.
[[nodiscard]] std::optional<Daemon> look_at_bird(const config::Fabric& fabric,
                                                 const std::vector<base::IpPrefix>& blocks);
[[nodiscard]] std::optional<Daemon> look_at_frr(const config::Fabric& fabric,
                                                const std::vector<base::IpPrefix>& blocks);

}  // namespace tool
