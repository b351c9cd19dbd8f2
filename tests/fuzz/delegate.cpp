// What a delegated IPAM plugin may print: a result of any version, or an error.

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "plugin/cni/error.h"
#include "plugin/cni/request.h"
#include "plugin/cni/result.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto error = cni::parse_error(text))
    (void)nlohmann::json::parse(cni::to_document(*error, cni::kNewest));
  for (const auto version : {cni::Version::k0_1_0, cni::Version::k0_4_0, cni::kNewest}) {
    try {
      const cni::Result result =
          cni::parse_result(cni::parse_object(text, "the result"), version, "the result");
      (void)nlohmann::json::parse(cni::to_document(result, version));
    } catch (const cni::Error& error) {
      (void)nlohmann::json::parse(cni::to_document(error, version));
    }
  }
  return 0;
}
