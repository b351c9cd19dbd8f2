// The environment: NUL-separated command, container id, interface name, CNI_ARGS.

#include <array>
#include <cstdint>
#include <string>

#include "plugin/attachment/attachment.h"
#include "plugin/cni/error.h"
#include "plugin/cni/request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string rest(reinterpret_cast<const char*>(data), size);
  std::array<std::string, 4> fields;
  for (auto& field : fields) {
    const auto end = std::min(rest.find('\0'), rest.size());
    field = rest.substr(0, end);
    rest.erase(0, std::min(end + 1, rest.size()));
  }
  const cni::Environment environment({{"CNI_COMMAND", fields[0]},
                                      {"CNI_CONTAINERID", fields[1]},
                                      {"CNI_NETNS", "/nowhere"},
                                      {"CNI_IFNAME", fields[2]},
                                      {"CNI_ARGS", fields[3]}});
  try {
    const auto request = cni::read_request(environment, R"({"cniVersion":"1.0.0","name":"n"})");
    const attachment::Key key{
        .network = request.network, .container_id = request.container_id, .ifname = request.ifname};
    if (attachment::alias_of(key).size() > 255 || attachment::host_name_of(key, "veth").size() > 15)
      __builtin_trap();
    (void)cni::Arguments::parse(request.args);
  } catch (const cni::Error& error) {
    (void)cni::to_document(error, cni::kNewest);
  }
  return 0;
}
