#pragma once

#include <string>
#include <vector>

#include "cluster/http.h"
#include "cluster/settings.h"

namespace cluster {

/// How to speak with the API of Kubernetes: where it is, and as whom.
struct KubernetesAccess {
  std::vector<std::string> endpoints;
  Identity identity;
};

/// By "kubeconfig" of cluster.json, else by its "endpoints", else as a pod does, by the token of
/// its service account. Throws Failure, naming the file, where nothing of that is there.
[[nodiscard]] KubernetesAccess find_kubernetes(const Settings& settings);

}  // namespace cluster
