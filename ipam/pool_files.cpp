// The files of a pool on this node (ipam/blocks.h).
#include <algorithm>
#include <limits>
#include <memory>

#include <dirent.h>

#include "ipam/blocks.h"

namespace ipam {
namespace {

constexpr std::size_t kLongestFile = std::size_t{4} << 20U;
constexpr mode_t kDirectoryMode = 0755;
constexpr mode_t kFileMode = 0644;
constexpr mode_t kLockMode = 0600;

bool is_of_name(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
         c == '_' || c == '-';
}

// None where there is no such directory.
std::vector<std::string> names_in(const std::string& path) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(path.c_str()), ::closedir);
  if (!stream) return names;
  // Of one stream, and nobody else reads it. NOLINTNEXTLINE(concurrency-mt-unsafe)
  while (const dirent* entry = ::readdir(stream.get()))
    names.emplace_back(static_cast<const char*>(entry->d_name));
  return names;
}

}  // namespace

bool is_pool_name(std::string_view name) {
  constexpr std::size_t kLongest = 63;
  constexpr std::string_view kNotFirst = "._-";
  return !name.empty() && name.size() <= kLongest &&
         kNotFirst.find(name.front()) == std::string_view::npos &&
         std::all_of(name.begin(), name.end(), is_of_name);
}

std::string PoolPlace::name() const {
  return directory.substr(directory.rfind('/') + 1);
}

std::vector<Block> read_blocks(const PoolPlace& pool) {
  const std::string path = pool.blocks_path();
  return parse_blocks(base::read_file(path, kLongestFile).value_or(""), path);
}

std::optional<std::string> read_definition(const PoolPlace& pool) {
  return base::read_file(pool.definition_path(), kLongestFile);
}

std::vector<PoolPlace> list_pools(const std::string& pools_directory) {
  std::vector<PoolPlace> pools;
  for (const auto& name : names_in(pools_directory)) {
    if (!is_pool_name(name)) continue;
    std::string path = pools_directory + "/";
    pools.push_back({path.append(name)});
  }
  std::sort(pools.begin(), pools.end(),
            [](const auto& a, const auto& b) { return a.directory < b.directory; });
  return pools;
}

std::vector<base::IpAddress> list_reserved(const PoolPlace& pool) {
  std::vector<base::IpAddress> reserved;
  for (const auto& name : names_in(pool.addresses())) {
    if (const auto address = base::IpAddress::parse(name)) reserved.push_back(*address);
  }
  std::sort(reserved.begin(), reserved.end());
  return reserved;
}

std::size_t count_in(const base::IpPrefix& block, const std::vector<base::IpAddress>& reserved) {
  const auto first = std::lower_bound(reserved.begin(), reserved.end(), block.address());
  const auto last = std::upper_bound(first, reserved.end(), block.last());
  return static_cast<std::size_t>(last - first);
}

std::uint64_t size_of(const base::IpPrefix& block) {
  const auto last = block.address().distance_to(block.last());
  return last == std::numeric_limits<std::uint64_t>::max() ? last : last + 1;
}

PoolFiles::PoolFiles(PoolPlace place, std::chrono::milliseconds patience)
    : place_(std::move(place)),
      directory_(base::make_directories(place_.directory, kDirectoryMode)),
      lock_(directory_.get(), "lock", kLockMode, patience, place_.directory + "/lock") {}

void PoolFiles::write_blocks(const std::vector<Block>& blocks) const {
  base::write_file_durably_at(directory_.get(), "blocks", print_blocks(blocks), kFileMode);
}

void PoolFiles::write_definition(std::string_view json) const {
  base::write_file_durably_at(directory_.get(), "pool.json", json, kFileMode);
}

}  // namespace ipam
