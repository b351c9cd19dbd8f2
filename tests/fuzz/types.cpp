// The configuration of every type, and a list of plugins as a runtime keeps it: read, or refused
// with an error document.

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "plugin/cni/error.h"
#include "plugin/cni/request.h"
#include "plugin/config/network.h"
#include "plugin/config/network_list.h"

namespace {

template <class Read>
void attempt(Read read) {
  try {
    read();
  } catch (const cni::Error& error) {
    (void)nlohmann::json::parse(cni::to_document(error, cni::kNewest));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const cni::Environment environment({{"CNI_COMMAND", "ADD"},
                                      {"CNI_CONTAINERID", "c1"},
                                      {"CNI_NETNS", "/nowhere"},
                                      {"CNI_IFNAME", "eth0"}});
  attempt([&] {
    const cni::Request request = cni::read_request(environment, text);
    attempt([&] { (void)config::parse_patchcord(request); });
    attempt([&] { (void)config::parse_bridge(request); });
    attempt([&] { (void)config::parse_ptp(request); });
    attempt([&] { (void)config::parse_ipam_of(request, "host-local"); });
    attempt([&] { (void)config::parse_ipam_of(request, "static"); });
  });
  attempt([&] { (void)config::parse_network_list(text); });
  return 0;
}
