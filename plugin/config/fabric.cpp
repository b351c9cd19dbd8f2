#include "plugin/config/fabric.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "plugin/cni/error.h"
#include "plugin/cni/object.h"
#include "plugin/cni/text.h"
#include "plugin/config/pool.h"

namespace config {
namespace {

constexpr std::size_t kLongestFile = std::size_t{4} << 20U;
constexpr std::int64_t kLastAs = 4294967294;
constexpr std::int64_t kLastVni = 16777214;
constexpr std::int64_t kUsualVni = 4096;

void read_reflectors(const cni::Object& object, Fabric& fabric) {
  for (const auto& text : object.texts("reflectors")) {
    const auto address = base::IpAddress::parse(text);
    if (!address) object.reject("reflectors", cni::quote(text) + " is no address");
    fabric.reflectors.push_back(*address);
  }
}

void read_nodes(const cni::Object& object, Fabric& fabric) {
  for (const auto& text : object.texts("nodes")) {
    const auto prefix = base::IpPrefix::parse(text);
    if (!prefix) object.reject("nodes", cni::quote(text) + " is no CIDR");
    fabric.nodes.push_back(prefix->network());
  }
}

// As pool.json has it, of a router that has no pools of its own.
void read_announced(const cni::Object& object, Fabric& fabric) {
  for (const auto& text : object.texts("cidrs")) {
    const auto cidr = base::IpPrefix::parse(text);
    if (!cidr) object.reject("cidrs", cni::quote(text) + " is no CIDR");
    const auto most = static_cast<std::int64_t>(cidr->address().bits());
    const auto usual = cidr->address().is_v4() ? 26 : 122;
    const auto block = object.integer("block", cidr->length(), most).value_or(usual);
    fabric.pools.push_back({cidr->network(), static_cast<unsigned>(block)});
  }
}

void read_fabric_object(const cni::Object& root, Fabric& fabric) {
  const auto object = root.object("fabric");
  if (!object) return;
  fabric.as = static_cast<std::uint32_t>(object->integer("as", 1, kLastAs).value_or(0));
  fabric.vni = static_cast<std::uint32_t>(object->integer("vni", 1, kLastVni).value_or(kUsualVni));
  fabric.bird_socket = object->text("birdSocket").value_or(fabric.bird_socket);
  fabric.frr_sockets = object->text("frrSockets").value_or(fabric.frr_sockets);
  read_reflectors(*object, fabric);
  read_nodes(*object, fabric);
  for (auto& name : object->texts("uplinks")) {
    // It becomes a word of a daemon's configuration.
    if (name.empty() || name.find_first_of("\"\\ \t\r\n;{}") != std::string::npos)
      object->reject("uplinks", cni::quote(name) + " is no interface");
    fabric.uplinks.push_back(name);
  }
  for (const auto& pool : object->objects("pools")) read_announced(pool, fabric);
}

}  // namespace

Fabric read_fabric(const cni::Environment& environment) {
  const Cluster cluster = read_cluster(environment);
  Fabric fabric{.path = cluster.path,
                .node = cluster.node,
                .vni = kUsualVni,
                .bird_socket = "/run/bird/bird.ctl",
                .frr_sockets = "/run/frr"};
  if (const auto text = base::read_file(fabric.path, kLongestFile)) {
    try {
      const auto document = cni::parse_object(*text, fabric.path);
      read_fabric_object(cni::Object(document, ""), fabric);
    } catch (const cni::Error& error) {
      throw cni::Error(cni::Code::kFile, fabric.path + ": " + error.what());
    }
  }
  for (const auto& place : ipam::list_pools(pools_directory_of(environment))) {
    const auto pool = read_pool(place);
    if (!pool || pool->is_local) continue;
    for (const auto& cidr : pool->cidrs) fabric.pools.push_back({cidr, pool->block});
  }
  std::sort(fabric.pools.begin(), fabric.pools.end(), [](const auto& a, const auto& b) {
    return std::pair(a.cidr, a.block) < std::pair(b.cidr, b.block);
  });
  fabric.pools.erase(std::unique(fabric.pools.begin(), fabric.pools.end()), fabric.pools.end());
  return fabric;
}

}  // namespace config
