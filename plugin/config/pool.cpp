#include "plugin/config/pool.h"

#include <array>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "base/file.h"
#include "ipam/error.h"
#include "plugin/cni/error.h"
#include "plugin/cni/object.h"
#include "plugin/cni/text.h"

namespace config {
namespace {

constexpr std::size_t kLongestFile = std::size_t{4} << 20U;

unsigned usual_block(base::Family family) {
  return family == base::Family::kIpv4 ? 26 : 122;
}

std::vector<base::IpPrefix> read_cidrs(const cni::Object& object) {
  std::vector<base::IpPrefix> cidrs;
  for (const auto& text : object.texts("cidrs")) {
    const auto cidr = base::IpPrefix::parse(text);
    if (!cidr) object.reject("cidrs", cni::quote(text) + " is no CIDR");
    cidrs.push_back(*cidr);
  }
  if (cidrs.empty()) object.reject("cidrs", "is missing");
  return cidrs;
}

Pool read_fields(const cni::Object& object) {
  constexpr std::int64_t kMostBlocks = 1 << 20;
  Pool pool{.name = object.text("name").value_or(""), .cidrs = read_cidrs(object)};
  const auto most = static_cast<std::int64_t>(pool.cidrs.front().address().bits());
  pool.block = static_cast<unsigned>(
      object.integer("block", 1, most).value_or(usual_block(pool.cidrs.front().family())));
  pool.max_blocks =
      static_cast<std::size_t>(object.integer("maxBlocks", 0, kMostBlocks).value_or(0));
  pool.draining = object.boolean("draining").value_or(false);
  pool.is_local = object.boolean("local").value_or(false);
  if (!ipam::is_pool_name(pool.name)) object.reject("name", "must be the name of a pool");
  (void)ipam::BlockSpace(pool.cidrs, pool.block);
  return pool;
}

Cluster::Source read_source(const cni::Object& object) {
  const auto source = object.text("source").value_or("file");
  if (source == "file") return Cluster::Source::kFile;
  if (source == "etcd") return Cluster::Source::kEtcd;
  if (source == "kubernetes") return Cluster::Source::kKubernetes;
  object.reject("source", "must be file, etcd or kubernetes");
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

std::string either(std::string given, std::string_view usual) {
  return given.empty() ? std::string(usual) : std::move(given);
}

}  // namespace

std::string pools_directory_of(const cni::Environment& environment) {
  return either(environment.get("PATCHCORD_POOLS_DIR"), "/var/lib/patchcord/pools");
}

ipam::PoolPlace find_pool(const cni::Environment& environment, const std::string& name,
                          const std::string& path) {
  if (ipam::is_pool_name(name)) return {pools_directory_of(environment) + "/" + name};
  throw cni::Error(cni::Code::kInvalidConfig,
                   path + ": " + cni::quote(name) + " cannot be the name of a pool");
}

Pool parse_pool(std::string_view json, const std::string& path) {
  try {
    const auto document = cni::parse_object(json, path);
    return read_fields(cni::Object(document, ""));
  } catch (const cni::Error& error) {
    throw cni::Error(cni::Code::kFile, path + ": " + error.what());
  } catch (const ipam::InvalidRange& error) {
    throw cni::Error(cni::Code::kFile, path + ": " + error.what());
  }
}

std::string print_pool(const Pool& pool) {
  std::string cidrs;
  for (const auto& cidr : pool.cidrs)
    cidrs += (cidrs.empty() ? "\"" : ", \"") + cidr.to_string() + "\"";
  std::string text = "{\"name\": " + cni::quote_json(pool.name) + ", \"cidrs\": [" + cidrs +
                     "], \"block\": " + std::to_string(pool.block);
  if (pool.max_blocks != 0) text += ", \"maxBlocks\": " + std::to_string(pool.max_blocks);
  if (pool.draining) text += ", \"draining\": true";
  if (pool.is_local) text += ", \"local\": true";
  return text + "}\n";
}

std::optional<Pool> read_pool(const ipam::PoolPlace& place) {
  const auto text = ipam::read_definition(place);
  return text ? std::optional(parse_pool(*text, place.definition_path())) : std::nullopt;
}

Cluster read_cluster(const cni::Environment& environment) {
  Cluster cluster{
      .path = either(environment.get("PATCHCORD_CLUSTER"), "/etc/patchcord/cluster.json"),
      .node = host_name()};
  const auto text = base::read_file(cluster.path, kLongestFile);
  if (!text) return cluster;
  try {
    const auto document = cni::parse_object(*text, cluster.path);
    const cni::Object object(document, "");
    cluster.source = read_source(object);
    if (auto node = object.text("node"); node && !node->empty()) cluster.node = *std::move(node);
  } catch (const cni::Error& error) {
    throw cni::Error(cni::Code::kFile, cluster.path + ": " + error.what());
  }
  return cluster;
}

}  // namespace config
