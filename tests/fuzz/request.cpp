// A whole request as the process edge reads it: the first line is CNI_ARGS, the rest is stdin.
// Whatever comes, it is read or refused with an error document.

#include "plugin/cni/request.h"

#include <cstdint>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "plugin/cni/error.h"
#include "plugin/config/network.h"

namespace {

void read(const cni::Environment& environment, const std::string& input) {
  try {
    const cni::Request request = cni::read_request(environment, input);
    (void)config::find_ipam_place(request);
    (void)request.valid_attachments();
    if (const auto previous = request.previous_result())
      (void)cni::to_document(*previous, request.version);
    (void)config::parse_patchcord(request);
  } catch (const cni::Error& error) {
    // The document must be one that a runtime can read.
    (void)nlohmann::json::parse(cni::to_document(error, cni::kNewest));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto line = std::min(text.find('\n'), text.size());
  const std::string input = text.substr(std::min(line + 1, text.size()));
  for (const char* command : {"ADD", "DEL", "GC"}) {
    read(cni::Environment({{"CNI_COMMAND", command},
                           {"CNI_CONTAINERID", "c1"},
                           {"CNI_NETNS", "/nowhere"},
                           {"CNI_IFNAME", "eth0"},
                           {"CNI_ARGS", text.substr(0, line)}}),
         input);
  }
  return 0;
}
