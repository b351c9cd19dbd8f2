// What may be wrong with the blocks of pools that this node has.
#include <algorithm>

#include "base/file.h"
#include "ipam/reservation_files.h"
#include "plugin/lease/block_routes.h"
#include "plugin/operator/commands/doctor/doctor.h"

namespace tool {
namespace {

// "10.50.1.2 (container c1, interface eth0, network podnet)"
std::string describe_holder(const PoolView& pool, const base::IpAddress& address) {
  const auto text = base::read_file(pool.place.addresses() + "/" + address.to_string(),
                                    ipam::kLongestReservation);
  const auto owner = ipam::parse_reservation(text.value_or(""));
  return address.to_string() + " (container " + owner.container_id + ", interface " +
         owner.interface + ", network " + owner.network + ")";
}

void look_for_lost(const PoolView& pool, Diagnoses& found) {
  const auto strays = pool.strays();
  if (strays.empty()) return;
  std::vector<std::string> holders;
  holders.reserve(strays.size());
  for (const auto& address : strays) holders.push_back(describe_holder(pool, address));
  found.push_back({.name = "block-lost",
                   .is_error = true,
                   .text = "of pool " + pool.place.name() +
                           " containers have addresses that are in no block of this node, and so "
                           "may be another node's: " +
                           conditions::listed(holders),
                   .remedy = "remove these containers, so that they get addresses of this node's",
                   .command = "",
                   .about = {pool.place.name()}});
}

void look_for_unannounced(const PoolView& pool, const std::vector<base::IpPrefix>& routes,
                          Diagnoses& found) {
  std::vector<std::string> missing;
  for (const auto& block : pool.blocks) {
    const bool has_route = std::find(routes.begin(), routes.end(), block.prefix) != routes.end();
    if (block.use != ipam::BlockUse::kLost && !has_route)
      missing.push_back(block.prefix.to_string());
  }
  if (missing.empty()) return;
  found.push_back({.name = "block-not-announced",
                   .is_error = false,
                   .text = "the kernel has no route of protocol 81 to " +
                           conditions::listed(missing) + " of pool " + pool.place.name() +
                           ", by which routing daemons tell others of it",
                   .remedy = "put it there, and enable patchcord-blocks.service for the next boot",
                   .command = "patchcord block boot",
                   .about = {pool.place.name()}});
}

// Where a source gives blocks, `block keep` sees to it and fails where it cannot.
void look_at_room(const PoolView& pool, Diagnoses& found) {
  const std::uint64_t size = pool.size();
  const bool may_claim = pool.definition && pool.definition->is_local;
  if (may_claim || size == 0 || pool.used() < size - size / 10) return;
  found.push_back({.name = "pool-nearly-empty",
                   .is_error = pool.used() >= size,
                   .text = "this node's blocks of pool " + pool.place.name() + " have given " +
                           std::to_string(pool.used()) + " of " + std::to_string(size) +
                           " addresses",
                   .remedy = "one more block",
                   .command = "",
                   .about = {pool.place.name()}});
}

}  // namespace

void look_at_blocks(const Patient& patient, Diagnoses& found) {
  if (patient.pools.empty()) return;
  const auto routes = lease::find_block_routes(patient.node.socket());
  for (const auto& pool : patient.pools) {
    if (!pool.problem.empty()) {
      found.push_back({.name = "blocks-unreadable",
                       .is_error = true,
                       .text = pool.problem,
                       .remedy = "mend the file; docs/cluster.md has its form",
                       .command = "",
                       .about = {pool.place.name()}});
      continue;
    }
    look_for_lost(pool, found);
    look_for_unannounced(pool, routes, found);
    look_at_room(pool, found);
  }
}

}  // namespace tool
