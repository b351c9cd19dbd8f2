#include "plugin/lease/host_local.h"

#include <algorithm>

#include "base/boot_time.h"
#include "base/file.h"
#include "ipam/allocator.h"
#include "ipam/error.h"
#include "plugin/cni/error.h"
#include "plugin/lease/books.h"
#include "plugin/lease/pool.h"
#include "plugin/lease/resolv_conf.h"
#include "plugin/lease/shared_bridge.h"

namespace lease {
namespace {

constexpr std::size_t kLongestResolvConf = 64U << 10;

cni::Error as_error(const ipam::Exhausted& error) {
  return {
      cni::Code::kExhausted, error.what(),
      "`patchcord gc --dry-run` shows what dead containers hold; if they hold nothing, give the "
      "network a larger subnet or one more range"};
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

// Which of the addresses asked for are whose: those of the ranges first, then a list a pool.
std::vector<std::vector<base::IpAddress>> sort_requested(const config::HostLocal& config) {
  const auto& places = config.pools.places;
  std::vector<std::vector<base::IpAddress>> sorted(places.size() + 1);
  for (const auto& address : config.requested) {
    const auto at = std::find_if(places.begin(), places.end(), [&](const auto& place) {
      const auto blocks = require_blocks(place);
      return std::any_of(blocks.begin(), blocks.end(),
                         [&](const auto& block) { return block.prefix.contains(address); });
    });
    const bool is_elsewhere = at == places.end() && config.sets.empty();
    if (is_elsewhere) {
      throw cni::Error(cni::Code::kConflict,
                       "requested IP address " + address.to_string() +
                           " lies in none of the blocks that this node has of its pools");
    }
    sorted[at == places.end() ? 0 : static_cast<std::size_t>(at - places.begin()) + 1].push_back(
        address);
  }
  return sorted;
}

std::vector<ipam::Allocation> allocate_of_ranges(const cni::Request& request,
                                                 const config::HostLocal& config, const Book& book,
                                                 const std::vector<base::IpAddress>& requested,
                                                 const Ground& ground) {
  ipam::Request wanted{.owner = book.owner, .sets = config.sets, .requested = requested};
  std::optional<SharedBridge> bridge;
  if (!ground.segment.empty()) {
    bridge.emplace(ground.state_directory, ground.segment, request.network,
                   config.pools.places.empty() ? book.place.directory : "");
    wanted.holder_elsewhere = [&](const auto& address) { return bridge->holder_of(address); };
  }
  try {
    return allocate_or_make_room(book.place, wanted, config, ground);
  } catch (const ipam::Exhausted& error) {
    throw as_error(error);
  } catch (const ipam::Conflict& error) {
    throw cni::Error(cni::Code::kConflict, error.what());
  }
}

void hold(const Book& book, const std::vector<ipam::Allocation>& allocations, Lease& lease,
          base::Rollback& undo) {
  undo.add_if_rest_is_undone("the reservation of addresses", [book, allocations] {
    if (const auto store = ipam::find_host_local_store(book.place, kLockPatience))
      ipam::undo(*store, book.owner, allocations);
  });
  for (const auto& allocation : allocations) {
    lease.ips.push_back(
        {.address = allocation.address, .gateway = allocation.gateway, .interface = std::nullopt});
  }
}

// An address is free again when a container goes, so that none is free is a warning.
void look_for_free_ranges(const cni::Request& request, const config::HostLocal& config,
                          const Ground& ground) {
  const auto place = book_of_network(request, config.data_directory, ground.state_directory).place;
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

// Calls `visit` with what is asked of each pool, and its book.
template <typename Visit>
void each_pool(const cni::Request& request, const config::HostLocal& config, const Ground& ground,
               Visit visit) {
  for (std::size_t number = 0; number < config.pools.places.size(); ++number) {
    const auto& place = config.pools.places[number];
    visit(number,
          PoolRequest{.request = request,
                      .pools = config.pools,
                      .place = place,
                      .reclaim = reclaim_of(config, ground),
                      .requested = {}},
          book_of_pool(request, place, ground.state_directory));
  }
}

}  // namespace

cni::Dns read_resolv_conf(const std::string& path) {
  if (path.empty()) return {};
  const auto text = base::read_file(path, kLongestResolvConf);
  if (!text)
    throw cni::Error(cni::Code::kInvalidConfig, "ipam.resolvConf: there is no file " + path);
  return parse_resolv_conf(*text);
}

Lease acquire_host_local(const cni::Request& request, const config::HostLocal& config,
                         const Ground& ground, base::Rollback& undo) {
  Lease lease;
  lease.dns = read_resolv_conf(config.resolv_conf);
  lease.routes = config.routes;
  auto requested = sort_requested(config);
  if (!config.sets.empty()) {
    const auto book = book_of_network(request, config.data_directory, ground.state_directory);
    hold(book, allocate_of_ranges(request, config, book, requested.front(), ground), lease, undo);
  }
  each_pool(request, config, ground, [&](std::size_t number, PoolRequest wanted, const Book& book) {
    wanted.requested = std::move(requested[number + 1]);
    hold(book, allocate_in_pool(wanted, book, ground), lease, undo);
    if (!ground.masquerades) return;
    const auto cidrs = cidrs_of(wanted.place);
    lease.pool_cidrs.insert(lease.pool_cidrs.end(), cidrs.begin(), cidrs.end());
  });
  return lease;
}

void look_for_free_addresses(const cni::Request& request, const config::HostLocal& config,
                             const Ground& ground) {
  if (!config.sets.empty()) look_for_free_ranges(request, config, ground);
  each_pool(request, config, ground, [&](std::size_t, const PoolRequest& wanted, const Book& book) {
    look_for_free_addresses(wanted, book, ground);
  });
}

}  // namespace lease
