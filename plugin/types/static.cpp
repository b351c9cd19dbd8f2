// Addresses from the configuration, as an IPAM plugin of its own, for other plugins to call.
#include <algorithm>

#include "plugin/cni/error.h"
#include "plugin/operations/shared/findings.h"
#include "plugin/types/ipam_answer.h"
#include "plugin/types/type.h"

namespace types {
namespace {

constexpr std::string_view kName = "static";

void add_static(const cni::Request& request, const Settings& settings) {
  answer_addresses(request, parse_ipam_request(request, kName), settings);
}

// Nothing is held, so there is nothing to free, whatever the configuration says by now.
void do_nothing(const cni::Request&, const Settings&) {}

std::string defect_of(const config::FixedAddress& wanted, const std::vector<cni::IpConfig>& ips) {
  const auto at = std::find_if(ips.begin(), ips.end(), [&](const cni::IpConfig& ip) {
    return ip.address == wanted.address;
  });
  const std::string name = wanted.address.to_string();
  if (at == ips.end()) return "prevResult does not have the address " + name;
  if (!wanted.gateway || at->gateway == wanted.gateway) return "";
  return "prevResult does not have the gateway " + wanted.gateway->to_string() + " for " + name;
}

// Nothing can run out: what can be wrong is the configuration.
void report_status(const cni::Request& request, const Settings&) {
  (void)parse_ipam_request(request, kName);
}

void check_static(const cni::Request& request, const Settings&) {
  const config::Ipam ipam = parse_ipam_request(request, kName);
  const auto previous = request.previous_result();
  if (!previous)
    throw cni::Error(cni::Code::kInvalidConfig, "prevResult: is missing; CHECK compares with it");
  std::vector<std::string> findings;
  for (const auto& address : ipam.fixed->addresses) {
    auto defect = defect_of(address, previous->ips);
    if (!defect.empty()) findings.push_back(std::move(defect));
  }
  operations::throw_findings(findings);
}

}  // namespace

const Type kStatic = {.name = kName,
                      .oldest = cni::Version::k0_1_0,
                      .add = add_static,
                      .del = do_nothing,
                      .check = check_static,
                      .gc = do_nothing,
                      .status = report_status};

}  // namespace types
