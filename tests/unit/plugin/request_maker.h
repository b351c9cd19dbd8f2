#pragma once

#include <map>
#include <string>

#include "plugin/cni/request.h"

/// An ADD of container c1, interface eth0, with this configuration.
inline cni::Request make_request(const std::string& config, const std::string& args = "") {
  return cni::read_request(cni::Environment({{"CNI_COMMAND", "ADD"},
                                             {"CNI_CONTAINERID", "c1"},
                                             {"CNI_NETNS", "/var/run/netns/c1"},
                                             {"CNI_IFNAME", "eth0"},
                                             {"CNI_ARGS", args}}),
                           config);
}

/// A configuration of type patchcord: `rest` is put behind version and name.
inline std::string patchcord_config(const std::string& rest) {
  return R"({"cniVersion":"1.0.0","name":"net",)" + rest + "}";
}
