#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cluster/http.h"
#include "cluster/pool.h"

namespace cluster {

/// What cluster.json says.
struct Settings {
  std::string path;  // of the file
  std::string node;
  std::string cluster;
  std::string source;
  std::vector<std::string> endpoints;
  Identity identity;       // ca, cert and key
  std::string token_path;  // a file that has a token
  std::string kubeconfig;
  std::vector<Pool> pools;  // for a source that does not know of pools
  std::chrono::milliseconds timeout{3000};
};

/// Throws Failure: the file is missing, unreadable, no JSON, or has a wrong value.
[[nodiscard]] Settings read_settings(const std::string& path);

/// Tells this machine from another one of the same name. It is made of /etc/machine-id, which is
/// not to leave the machine itself (machine-id(5)). `path` is where that is. Throws Failure where
/// there is none.
[[nodiscard]] std::string machine_identity(const std::string& path);

}  // namespace cluster
