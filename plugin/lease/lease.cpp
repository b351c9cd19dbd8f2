#include "plugin/lease/lease.h"

#include <nlohmann/json.hpp>

#include "plugin/cni/delegate.h"
#include "plugin/cni/error.h"
#include "plugin/lease/books.h"
#include "plugin/lease/host_local.h"
#include "plugin/lease/shared_bridge.h"

namespace lease {
namespace {

// Nothing is held for addresses that are in the configuration, so nothing is to be undone.
Lease read_fixed(const cni::Request& request, const config::Static& fixed, const Ground& ground) {
  Lease lease{.ips = {}, .routes = fixed.routes, .dns = fixed.dns};
  std::optional<SharedBridge> bridge;
  if (!ground.segment.empty())
    bridge.emplace(ground.state_directory, ground.segment, request.network, "");
  for (const auto& each : fixed.addresses) {
    const auto& address = each.address.address();
    if (const auto holder = bridge ? bridge->holder_of(address) : std::nullopt) {
      throw cni::Error(cni::Code::kConflict,
                       "address " + address.to_string() + " is taken on the bridge by " + *holder);
    }
    lease.ips.push_back(
        {.address = each.address, .gateway = each.gateway, .interface = std::nullopt});
  }
  return lease;
}

Lease acquire_delegated(const cni::Request& request, const config::Ipam& ipam,
                        base::Rollback& undo) {
  // Registered before the call: a delegate that fails half-way is told to clean up as well.
  undo.add_if_rest_is_undone("the addresses of ipam plugin " + ipam.type,
                             [&request, type = ipam.type, patience = ipam.patience] {
                               (void)cni::run_delegate(request, type, cni::Command::kDel, patience);
                             });
  const std::string output =
      cni::run_delegate(request, ipam.type, cni::Command::kAdd, ipam.patience);
  const std::string called = "the result of ipam plugin " + ipam.type;
  try {
    cni::Result result =
        cni::parse_result(cni::parse_object(output, called), request.version, called);
    if (result.ips.empty()) throw cni::Error(cni::Code::kDelegate, called + " has no address");
    for (auto& ip : result.ips) ip.interface.reset();
    return {.ips = std::move(result.ips),
            .routes = std::move(result.routes),
            .dns = std::move(result.dns)};
  } catch (const cni::Error& error) {
    throw cni::Error(cni::Code::kDelegate, error.what(), error.details());
  }
}

// A program from before CNI 1.1.0 does not know the command, and says nothing of whether it is
// ready.
void require_ready_program(const cni::Request& request, const config::Ipam& ipam) {
  try {
    (void)cni::run_delegate(request, ipam.type, cni::Command::kStatus,
                            std::min<std::chrono::milliseconds>(ipam.patience, kStatusPatience));
  } catch (const cni::Error& error) {
    if (error.code() != static_cast<unsigned>(cni::Code::kInvalidEnvironment)) throw;
  }
}

}  // namespace

std::optional<attachment::Reservation> reservation_of(const config::Ipam& ipam) {
  if (ipam.type.empty()) return std::nullopt;
  attachment::Reservation reservation{.type = ipam.type, .data_directory = {}};
  if (!ipam.host_local) return reservation;
  const auto& pools = ipam.host_local->pools.places;
  if (!ipam.host_local->sets.empty() || pools.empty())
    reservation.data_directory = ipam.host_local->data_directory;
  for (const auto& pool : pools) reservation.pools.push_back(pool.directory);
  return reservation;
}

attachment::Reservation reservation_of(const config::IpamPlace& place) {
  attachment::Reservation reservation{.type = place.type, .data_directory = place.data_directory};
  for (const auto& pool : place.pools) reservation.pools.push_back(pool.directory);
  return reservation;
}

bool is_of_program(const config::Ipam& ipam) {
  return !ipam.type.empty() && !ipam.host_local && !ipam.fixed;
}

bool is_of_program(const cni::Request& request,
                   const std::optional<attachment::Reservation>& reservation) {
  const std::string type = reservation ? reservation->type : config::find_ipam_place(request).type;
  return !type.empty() && !config::is_host_local(type) && !config::is_static(type);
}

void require(const cni::Request& request, const config::Ipam& ipam) {
  if (ipam.host_local) {
    (void)read_resolv_conf(ipam.host_local->resolv_conf);
  } else if (ipam.fixed) {
    if (!ipam.fixed->addresses.empty()) return;
    throw cni::Error(cni::Code::kInvalidConfig,
                     "ipam.addresses: no address is given, neither here nor by the runtime");
  } else if (!ipam.type.empty()) {
    cni::require_delegate(request, ipam.type);
  }
}

void require_ready(const cni::Request& request, const config::Ipam& ipam, const Ground& ground) {
  if (ipam.fixed && config::offers(request.config(), "ips")) return;
  require(request, ipam);
  if (ipam.host_local) return look_for_free_addresses(request, *ipam.host_local, ground);
  if (is_of_program(ipam)) require_ready_program(request, ipam);
}

Lease acquire(const cni::Request& request, const config::Ipam& ipam, const Ground& ground,
              base::Rollback& undo) {
  if (ipam.type.empty()) return {};
  if (ipam.host_local) return acquire_host_local(request, *ipam.host_local, ground, undo);
  if (ipam.fixed) return read_fixed(request, *ipam.fixed, ground);
  return acquire_delegated(request, ipam, undo);
}

void release(const cni::Request& request, const std::optional<attachment::Reservation>& reservation,
             const std::string& state_directory) {
  const config::IpamPlace configured = config::find_ipam_place(request);
  const std::string& type = reservation ? reservation->type : configured.type;
  if (type.empty() || config::is_static(type)) return;
  if (!config::is_host_local(type)) {
    (void)cni::run_delegate(request, type, cni::Command::kDel, configured.patience);
    return;
  }
  release_reservations(request, reservation ? *reservation : reservation_of(configured),
                       state_directory);
}

std::vector<std::string> check(const cni::Request& request,
                               const attachment::Attachment& attachment,
                               const std::string& state_directory) {
  if (!attachment.reservation) return {};
  if (config::is_host_local(attachment.reservation->type)) {
    std::vector<base::IpAddress> addresses;
    for (const auto& each : attachment.addresses) addresses.push_back(each.prefix.address());
    return check_reservations(request, *attachment.reservation, addresses, state_directory);
  }
  if (config::is_static(attachment.reservation->type)) return {};
  (void)cni::run_delegate(request, attachment.reservation->type, cni::Command::kCheck,
                          config::find_ipam_place(request).patience);
  return {};
}

}  // namespace lease
