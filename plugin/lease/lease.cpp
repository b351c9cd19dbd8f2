#include "plugin/lease/lease.h"

#include <nlohmann/json.hpp>

#include "base/boot_time.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "ipam/allocator.h"
#include "ipam/error.h"
#include "ipam/host_local_store.h"
#include "plugin/cni/delegate.h"
#include "plugin/cni/error.h"
#include "plugin/lease/resolv_conf.h"
#include "plugin/lease/shared_bridge.h"

namespace lease {
namespace {

constexpr std::chrono::seconds kLockPatience{30};
// Runtimes ask for the status again and again, and set no limit of their own.
constexpr std::chrono::seconds kStatusPatience{5};
constexpr std::size_t kLongestResolvConf = 64U << 10;

cni::Error as_error(const ipam::Exhausted& error) {
  return {
      cni::Code::kExhausted, error.what(),
      "`patchcord gc --dry-run` shows what dead containers hold; if they hold nothing, give the "
      "network a larger subnet or one more range"};
}

ipam::HostLocalPlace place_of(const std::string& data_directory, const std::string& network,
                              const std::string& state_directory) {
  const std::string directory = data_directory + "/" + network;
  return {.directory = directory,
          .index = state_directory + "/ipam/" + base::sha512_hex(directory, 32)};
}

ipam::Owner owner_of(const cni::Request& request) {
  return {.container_id = request.container_id, .interface = request.ifname};
}

cni::Dns read_resolv_conf(const std::string& path) {
  if (path.empty()) return {};
  const auto text = base::read_file(path, kLongestResolvConf);
  if (!text)
    throw cni::Error(cni::Code::kInvalidConfig, "ipam.resolvConf: there is no file " + path);
  return parse_resolv_conf(*text);
}

std::optional<ipam::Reclaim> reclaim_of(const config::HostLocal& config, const Ground& ground) {
  if (!config.reclaim) return std::nullopt;
  return ipam::Reclaim{.boot_time = base::earliest_boot_time, .report = ground.report};
}

// Each time with the lock for itself: to make room takes it, too.
std::vector<ipam::Allocation> allocate_or_make_room(const ipam::HostLocalPlace& place,
                                                    const ipam::Request& request,
                                                    const config::HostLocal& config,
                                                    const Ground& ground) {
  const auto attempt = [&] {
    const auto store =
        ipam::open_host_local_store(place, kLockPatience, reclaim_of(config, ground));
    return ipam::allocate(*store, request);
  };
  try {
    return attempt();
  } catch (const ipam::Exhausted&) {
    if (!config.reclaim || !ground.make_room || !ground.make_room()) throw;
  }
  return attempt();
}

std::optional<SharedBridge> find_shared_bridge(const cni::Request& request, const Ground& ground,
                                               const std::string& reservations) {
  if (ground.segment.empty()) return std::nullopt;
  return SharedBridge(ground.state_directory, ground.segment, request.network, reservations);
}

std::vector<ipam::Allocation> allocate(const cni::Request& request, const config::HostLocal& config,
                                       const ipam::HostLocalPlace& place, const Ground& ground) {
  auto bridge = find_shared_bridge(request, ground, place.directory);
  ipam::Request wanted{
      .owner = owner_of(request), .sets = config.sets, .requested = config.requested};
  if (bridge) {
    wanted.holder_elsewhere = [&](const base::IpAddress& address) {
      return bridge->holder_of(address);
    };
  }
  try {
    return allocate_or_make_room(place, wanted, config, ground);
  } catch (const ipam::Exhausted& error) {
    throw as_error(error);
  } catch (const ipam::Conflict& error) {
    throw cni::Error(cni::Code::kConflict, error.what());
  }
}

Lease acquire_host_local(const cni::Request& request, const config::HostLocal& config,
                         const Ground& ground, base::Rollback& undo) {
  Lease lease;
  lease.dns = read_resolv_conf(config.resolv_conf);
  lease.routes = config.routes;
  const auto place = place_of(config.data_directory, request.network, ground.state_directory);
  const auto allocations = allocate(request, config, place, ground);
  undo.add_if_rest_is_undone(
      "the reservation of addresses", [place, allocations, owner = owner_of(request)] {
        if (const auto store = ipam::find_host_local_store(place, kLockPatience))
          ipam::undo(*store, owner, allocations);
      });
  for (const auto& allocation : allocations) {
    lease.ips.push_back(
        {.address = allocation.address, .gateway = allocation.gateway, .interface = std::nullopt});
  }
  return lease;
}

// Nothing is held for addresses that are in the configuration, so nothing is to be undone.
Lease read_fixed(const cni::Request& request, const config::Static& fixed, const Ground& ground) {
  Lease lease{.ips = {}, .routes = fixed.routes, .dns = fixed.dns};
  auto bridge = find_shared_bridge(request, ground, "");
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

void release_host_local(const cni::Request& request, const std::string& data_directory,
                        const std::string& state_directory) {
  const auto place = place_of(data_directory, request.network, state_directory);
  const auto store = ipam::find_host_local_store(place, kLockPatience);
  if (store) ipam::release(*store, owner_of(request));
}

// What is wrong with one reservation; empty where nothing is. An entry of the old form is of every
// interface of its container.
std::string defect_of_reservation(const std::optional<ipam::Owner>& holder,
                                  const ipam::Owner& owner, const std::string& name) {
  if (!holder) return "the reservation of " + name + " is missing";
  if (*holder == owner) return "";
  if (holder->container_id == owner.container_id && holder->interface.empty()) return "";
  return "the reservation of " + name + " belongs to container " + holder->container_id +
         ", interface " + holder->interface;
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

// An address is free again when a container goes, so that none is free is a warning.
void look_for_free_addresses(const cni::Request& request, const config::HostLocal& config,
                             const Ground& ground) {
  const auto place = place_of(config.data_directory, request.network, ground.state_directory);
  base::require_writable(place.directory);
  const auto store =
      ipam::find_host_local_store(place, kStatusPatience, reclaim_of(config, ground));
  if (!store) return;  // nothing is reserved yet
  try {
    ipam::require_free(*store, config.sets);
  } catch (const ipam::Exhausted& exhausted) {
    const cni::Error error = as_error(exhausted);
    ground.report(std::string("STATUS: ") + error.what() + "; " + error.details());
  }
}

}  // namespace

std::optional<attachment::Reservation> reservation_of(const config::Ipam& ipam) {
  if (ipam.type.empty()) return std::nullopt;
  return attachment::Reservation{
      .type = ipam.type, .data_directory = ipam.host_local ? ipam.host_local->data_directory : ""};
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

std::vector<std::string> check_reservations(const cni::Request& request,
                                            const std::string& data_directory,
                                            const std::vector<base::IpAddress>& addresses,
                                            const std::string& state_directory) {
  const auto place = place_of(data_directory, request.network, state_directory);
  const auto store = ipam::find_host_local_store(place, kLockPatience);
  std::vector<std::string> findings;
  for (const auto& address : addresses) {
    const auto holder = store ? store->holder_of(address) : std::nullopt;
    auto defect = defect_of_reservation(holder, owner_of(request),
                                        address.to_string() + " in " + place.directory);
    if (!defect.empty()) findings.push_back(std::move(defect));
  }
  return findings;
}

std::vector<base::IpAddress> find_reservations(const cni::Request& request,
                                               const std::string& data_directory,
                                               const std::string& state_directory) {
  const auto place = place_of(data_directory, request.network, state_directory);
  const auto store = ipam::find_host_local_store(place, kLockPatience);
  return store ? store->held_by(owner_of(request)) : std::vector<base::IpAddress>{};
}

std::vector<base::IpAddress> find_reservations_of_others(const cni::Request& request,
                                                         const std::string& data_directory,
                                                         const std::string& state_directory) {
  const auto place = place_of(data_directory, request.network, state_directory);
  const auto store = ipam::find_host_local_store(place, kLockPatience);
  if (!store) return {};
  std::vector<base::IpAddress> addresses;
  for (const auto& holder : store->owners()) {
    const bool is_other = holder.container_id == request.container_id &&
                          !holder.interface.empty() && holder.interface != request.ifname;
    if (!is_other) continue;
    const auto held = store->held_by(holder);
    addresses.insert(addresses.end(), held.begin(), held.end());
  }
  return addresses;
}

std::vector<ipam::Owner> find_holders(const cni::Request& request,
                                      const std::string& data_directory,
                                      const std::string& state_directory) {
  const auto place = place_of(data_directory, request.network, state_directory);
  const auto store = ipam::find_host_local_store(place, kLockPatience);
  return store ? store->owners() : std::vector<ipam::Owner>{};
}

void release_holders(const cni::Request& request, const std::string& data_directory,
                     const std::vector<ipam::Owner>& holders, const std::string& state_directory) {
  if (holders.empty()) return;
  const auto place = place_of(data_directory, request.network, state_directory);
  const auto store = ipam::find_host_local_store(place, kLockPatience);
  if (!store) return;
  std::exception_ptr failure;
  for (const auto& holder : holders) {
    try {
      ipam::release(*store, holder);
    } catch (const std::exception&) {
      failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
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
  release_host_local(request, reservation ? reservation->data_directory : configured.data_directory,
                     state_directory);
}

std::vector<std::string> check(const cni::Request& request,
                               const attachment::Attachment& attachment,
                               const std::string& state_directory) {
  if (!attachment.reservation) return {};
  if (config::is_host_local(attachment.reservation->type)) {
    std::vector<base::IpAddress> addresses;
    for (const auto& each : attachment.addresses) addresses.push_back(each.prefix.address());
    return check_reservations(request, attachment.reservation->data_directory, addresses,
                              state_directory);
  }
  if (config::is_static(attachment.reservation->type)) return {};
  (void)cni::run_delegate(request, attachment.reservation->type, cni::Command::kCheck,
                          config::find_ipam_place(request).patience);
  return {};
}

}  // namespace lease
