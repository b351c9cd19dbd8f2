// The allocator as an IPAM plugin of its own, for other plugins to call.
#include <algorithm>

#include "plugin/cni/error.h"
#include "plugin/lease/lease.h"
#include "plugin/lease/pool.h"
#include "plugin/operations/gc.h"
#include "plugin/operations/shared/attempts.h"
#include "plugin/operations/shared/findings.h"
#include "plugin/operations/status.h"
#include "plugin/types/ipam_answer.h"
#include "plugin/types/type.h"

namespace types {
namespace {

constexpr std::string_view kName = "host-local";

void add_host_local(const cni::Request& request, const Settings& settings) {
  const config::Ipam ipam = parse_ipam_request(request, kName);
  answer_addresses(request, ipam, settings);
}

// Needs the directory and no more: ranges that are gone or broken keep nobody's address.
void del_host_local(const cni::Request& request, const Settings& settings) {
  lease::release_reservations(request, lease::reservation_of(config::find_ipam_place(request)),
                              settings.state_directory);
}

bool is_in(const std::vector<ipam::RangeSet>& sets, const base::IpAddress& address) {
  return std::any_of(sets.begin(), sets.end(), [&](const ipam::RangeSet& set) {
    return std::any_of(set.begin(), set.end(),
                       [&](const ipam::Range& range) { return range.contains(address); });
  });
}

bool is_in(const config::Pools& pools, const base::IpAddress& address) {
  return std::any_of(pools.places.begin(), pools.places.end(), [&](const auto& place) {
    const auto blocks = lease::require_blocks(place);
    return std::any_of(blocks.begin(), blocks.end(),
                       [&](const auto& block) { return block.prefix.contains(address); });
  });
}

// The result of the whole chain may have other plugins' addresses as well: those in our ranges are
// ours to answer for.
std::vector<base::IpAddress> find_own(const cni::Request& request,
                                      const config::HostLocal& config) {
  std::vector<base::IpAddress> own;
  const auto previous = request.previous_result();
  if (!previous) return own;
  for (const auto& ip : previous->ips) {
    const auto& address = ip.address.address();
    if (is_in(config.sets, address) || is_in(config.pools, address)) own.push_back(address);
  }
  return own;
}

void check_host_local(const cni::Request& request, const Settings& settings) {
  const config::Ipam ipam = parse_ipam_request(request, kName);
  const auto place = lease::reservation_of(config::find_ipam_place(request));
  auto findings = lease::check_reservations(request, place, find_own(request, *ipam.host_local),
                                            settings.state_directory);
  if (findings.empty() &&
      lease::find_reservations(request, place, settings.state_directory).empty()) {
    findings.push_back("no address is reserved for container " + request.container_id +
                       ", interface " + request.ifname + " in " +
                       lease::describe_places(request, place));
  }
  operations::throw_findings(findings);
}

void collect_host_local(const cni::Request& request, const Settings& settings) {
  const auto is_stale = operations::stale_by(request, settings);
  if (!is_stale) return;
  const auto place = lease::reservation_of(config::find_ipam_place(request));
  operations::Attempts attempts;
  attempts.run([&] {
    auto holders = lease::find_holders(request, place, settings.state_directory);
    std::erase_if(holders, [&](const ipam::Owner& owner) { return !(*is_stale)(owner); });
    lease::release_holders(request, place, holders, settings.state_directory);
  });
  attempts.throw_incomplete_if_any();
}

void report_status(const cni::Request& request, const Settings& settings) {
  const config::Ipam ipam = parse_ipam_request(request, kName);
  operations::Readiness readiness;
  readiness.require([&] {
    lease::require_ready(request, ipam,
                         {.state_directory = settings.state_directory, .report = settings.report});
  });
  readiness.throw_if_not();
}

}  // namespace

const Type kHostLocal = {.name = kName,
                         .oldest = cni::Version::k0_1_0,
                         .add = add_host_local,
                         .del = del_host_local,
                         .check = check_host_local,
                         .gc = collect_host_local,
                         .status = report_status};

}  // namespace types
