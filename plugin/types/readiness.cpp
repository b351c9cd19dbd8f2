#include "plugin/types/readiness.h"

#include "base/file.h"
#include "netlink/link.h"
#include "plugin/cni/error.h"
#include "plugin/lease/lease.h"

namespace types {
namespace {

constexpr std::size_t kMostPorts = 1023;  // BR_MAX_PORTS - 1: port 0 is none

void require_free_port(const std::string& name) {
  netlink::Socket host;
  const auto bridge = netlink::find_link(host, name);
  if (!bridge) return;  // the first ADD makes it
  const auto ports = netlink::ports_of(host, bridge->index).size();
  if (ports < kMostPorts) return;
  throw cni::Error(cni::Code::kExhausted,
                   "bridge " + name + " has " + std::to_string(ports) +
                       " ports, which is all that the kernel gives one; use mode routed, or "
                       "another bridge");
}

}  // namespace

// Besides the socket itself, that the kernel answers.
void require_netlink() {
  netlink::Socket host;
  (void)netlink::find_link(host, "lo");
}

void Readiness::require(const std::function<void()>& check) {
  try {
    check();
  } catch (const cni::Error& error) {
    is_impaired_ |= error.code() == static_cast<unsigned>(cni::Code::kNotReadyAndImpaired);
    remember(error.what());
  } catch (const std::exception& error) {
    remember(error.what());
  }
}

void Readiness::remember(const std::string& problem) {
  problems_ += (problems_.empty() ? "" : "; ") + problem;
}

void Readiness::throw_if_not() const {
  if (problems_.empty()) return;
  throw cni::Error(is_impaired_ ? cni::Code::kNotReadyAndImpaired : cni::Code::kNotReady,
                   problems_);
}

void require_ready(const cni::Request& request, const config::Network& network,
                   const Settings& settings) {
  Readiness readiness;
  readiness.require(require_netlink);
  readiness.require([&] { base::require_writable(settings.state_directory); });
  if (network.mode == config::Mode::kBridge)
    readiness.require([&] { require_free_port(network.bridge.name); });
  readiness.require([&] {
    lease::require_ready(request, network.ipam,
                         {.state_directory = settings.state_directory, .report = settings.report});
  });
  readiness.throw_if_not();
}

}  // namespace types
