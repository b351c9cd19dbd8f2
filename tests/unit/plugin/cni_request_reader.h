#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "cni_failure.h"
#include "plugin/cni/request.h"

using Variables = std::map<std::string, std::string, std::less<>>;

constexpr const char* kInput = R"({"cniVersion": "1.1.0", "name": "net", "type": "patchcord"})";

inline Variables variables_for(const std::string& command) {
  return {{"CNI_COMMAND", command},
          {"CNI_CONTAINERID", "pod1"},
          {"CNI_NETNS", "/run/netns/pod1"},
          {"CNI_IFNAME", "eth0"},
          {"CNI_PATH", "/opt/cni/bin"}};
}

inline cni::Request read(const Variables& variables, std::string_view input = kInput) {
  return cni::read_request(cni::Environment(variables), input);
}

inline std::optional<cni::Error> failure(const Variables& variables,
                                         std::string_view input = kInput) {
  return failure_of([&] { return read(variables, input); });
}
