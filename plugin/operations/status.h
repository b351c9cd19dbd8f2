#pragma once

#include <functional>
#include <string>
#include <vector>

#include "plugin/cni/request.h"
#include "plugin/config/network.h"
#include "plugin/operations/settings.h"

/// STATUS: whether an ADD would find what it needs. Bounded in time, and without any effect. An
/// error has the node called unready and in the end its containers taken off it, so it is one only
/// where every ADD would fail and no container that goes would mend it (decision 9). All else is a
/// line on stderr and in the log.
namespace operations {

/// Runs every check, and in the end throws one cni::Error with all that they threw:
/// kNotReadyAndImpaired where a check did with that code, else kNotReady.
class Readiness {
 public:
  void require(const std::function<void()>& check);
  void throw_if_not() const;

 private:
  void remember(const std::string& problem);
  std::string problems_;
  bool is_impaired_ = false;
};

/// Throws where the kernel cannot be asked about links.
void require_netlink();

/// Throws where the kernel has no nftables, or does not let it be used, which `rules` are to be
/// made of, each the name of a feature.
void require_nftables(const std::vector<std::string>& rules);

/// Says it where the kernel has no nftables for those containers that will have host ports.
void look_for_nftables_of_ports(const Settings& settings);

/// For the types that make a container's interface.
void require_ready(const cni::Request& request, const config::Network& network,
                   const Settings& settings);

}  // namespace operations
