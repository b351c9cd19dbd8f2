#include "plugin/operator/pools.h"

#include <algorithm>

#include "plugin/lease/pool.h"

namespace tool {
namespace {

PoolView view(const ipam::PoolPlace& place) {
  PoolView pool{.place = place};
  try {
    pool.definition = config::read_pool(place);
    pool.blocks = lease::require_blocks(place);
    pool.reserved = ipam::list_reserved(place);
  } catch (const std::exception& error) {
    pool.problem = error.what();
  }
  return pool;
}

}  // namespace

std::uint64_t PoolView::size() const {
  std::uint64_t sum = 0;
  for (const auto& block : blocks) {
    if (block.use == ipam::BlockUse::kGiven) sum = std::max(sum, sum + ipam::size_of(block.prefix));
  }
  return sum;
}

std::uint64_t PoolView::used() const {
  std::uint64_t sum = 0;
  for (const auto& block : blocks) {
    if (block.use == ipam::BlockUse::kGiven) sum += ipam::count_in(block.prefix, reserved);
  }
  return sum;
}

std::vector<base::IpAddress> PoolView::strays() const {
  std::vector<base::IpAddress> strays;
  for (const auto& address : reserved) {
    const bool is_home = std::any_of(blocks.begin(), blocks.end(), [&](const auto& block) {
      return block.use != ipam::BlockUse::kLost && block.prefix.contains(address);
    });
    if (!is_home) strays.push_back(address);
  }
  return strays;
}

std::vector<PoolView> view_pools(const cni::Environment& environment) {
  std::vector<PoolView> pools;
  for (const auto& place : ipam::list_pools(config::pools_directory_of(environment)))
    pools.push_back(view(place));
  return pools;
}

std::string_view to_string(ipam::BlockUse use) {
  switch (use) {
    case ipam::BlockUse::kDraining:
      return "drain";
    case ipam::BlockUse::kLost:
      return "lost";
    case ipam::BlockUse::kGiven:
      break;
  }
  return "";
}

ipam::PoolPlace require_pool(const Call& call, const std::string& name) {
  if (!ipam::is_pool_name(name)) throw Misuse("\"" + name + "\" cannot be the name of a pool");
  return {config::pools_directory_of(call.environment) + "/" + name};
}

base::IpPrefix require_prefix(const std::string& text) {
  const auto prefix = base::IpPrefix::parse(text);
  if (!prefix) throw Misuse("\"" + text + "\" is no CIDR such as 10.50.0.0/26");
  if (prefix->has_host_bits())
    throw Misuse(text + " has host bits set; the network is " + prefix->network().to_string());
  return *prefix;
}

bool is_by_hand(const Call& call) {
  return config::read_cluster(call.environment).source == config::Cluster::Source::kFile;
}

lease::Upkeep Reporter::upkeep() {
  return {.environment = call_.environment,
          .state_directory = call_.state_directory,
          .tell = [this](const std::string& line) { call_.console.write(line + "\n"); },
          .complain =
              [this](const std::string& line) {
                is_fine_ = false;
                call_.console.report(line);
              }};
}

}  // namespace tool
