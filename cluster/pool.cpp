#include "cluster/pool.h"

#include <algorithm>
#include <cctype>

#include "cluster/failure.h"
#include "ipam/error.h"

namespace cluster {
namespace {

using Json = nlohmann::json;

Failure misfit(std::string_view where, const std::string& what) {
  return {Kind::kFailed, std::string(where) + ": " + what};
}

std::string name_in(const Json& json, std::string_view where, std::string_view name) {
  std::string found = json.value("name", std::string(name));
  if (!ipam::is_pool_name(found)) throw misfit(where, "\"" + found + "\" is no name of a pool");
  return found;
}

std::vector<base::IpPrefix> cidrs_in(const Json& json, std::string_view where) {
  std::vector<base::IpPrefix> cidrs;
  for (const auto& each : json.at("cidrs"))
    cidrs.push_back(block_of(each.get<std::string>(), where));
  return cidrs;
}

}  // namespace

Pool pool_of(const Json& json, std::string_view where, std::string_view name) {
  try {
    Pool pool;
    pool.name = name_in(json, where, name);
    pool.cidrs = cidrs_in(json, where);
    pool.block = json.at("block").get<unsigned>();
    pool.max_blocks = json.value("maxBlocks", 0U);
    pool.is_draining = json.value("draining", false);
    (void)pool.space();
    return pool;
  } catch (const Json::exception&) {
    throw misfit(where, R"(no pool such as {"cidrs": ["10.50.0.0/16"], "block": 26})");
  } catch (const ipam::InvalidRange& error) {
    throw misfit(where, error.what());
  }
}

Json to_json(const Pool& pool) {
  Json cidrs = Json::array();
  for (const auto& cidr : pool.cidrs) cidrs.push_back(cidr.to_string());
  Json result = {{"name", pool.name}, {"cidrs", cidrs}, {"block", pool.block}};
  if (pool.max_blocks != 0) result["maxBlocks"] = pool.max_blocks;
  if (pool.is_draining) result["draining"] = true;
  return result;
}

base::IpPrefix block_of(std::string_view text, std::string_view where) {
  const auto prefix = base::IpPrefix::parse(text);
  if (!prefix || prefix->has_host_bits())
    throw misfit(where, "\"" + std::string(text) + "\" is no block such as 10.50.0.0/26");
  return *prefix;
}

void require_name(const std::string& name, std::string_view what) {
  constexpr std::size_t kLongest = 253;  // of a host's name
  const bool is_fine = !name.empty() && name.size() <= kLongest && name.front() != '.' &&
                       std::all_of(name.begin(), name.end(), [](unsigned char c) {
                         return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_';
                       });
  if (is_fine) return;
  throw Failure(Kind::kFailed, std::string(what) + " is \"" + name +
                                   "\"; it may have letters, digits, '.', '-' and '_'");
}

}  // namespace cluster
