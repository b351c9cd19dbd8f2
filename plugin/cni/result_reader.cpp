// A result is read through Object alone, so that this file need not know the JSON library.
#include "plugin/cni/error.h"
#include "plugin/cni/object.h"
#include "plugin/cni/result.h"
#include "plugin/cni/text.h"

namespace cni {
namespace {

std::uint32_t number_or_zero(const Object& object, std::string_view key) {
  return static_cast<std::uint32_t>(object.integer(key, 0, UINT32_MAX).value_or(0));
}

base::IpPrefix require_prefix(const Object& object, std::string_view key) {
  const auto prefix = object.prefix(key);
  if (!prefix) object.reject(key, "is missing");
  return *prefix;
}

Dns read_dns(const Object& root) {
  const auto dns = root.object("dns");
  if (!dns) return {};
  return {.nameservers = dns->texts("nameservers"),
          .domain = dns->text("domain").value_or(""),
          .search = dns->texts("search"),
          .options = dns->texts("options")};
}

std::vector<Route> read_routes(const Object& object) {
  std::vector<Route> routes;
  for (const Object& route : object.objects("routes")) routes.push_back(parse_route(route));
  return routes;
}

Interface read_interface(const Object& object, Version version) {
  Interface interface {
    .name = object.text("name").value_or(""), .mac = object.text("mac").value_or(""),
    .sandbox = object.text("sandbox").value_or(""), .from_document = true
  };
  if (version < Version::k1_0_0) return interface;
  interface.mtu = number_or_zero(object, "mtu");
  interface.socket_path = object.text("socketPath").value_or("");
  interface.pci_id = object.text("pciID").value_or("");
  return interface;
}

IpConfig read_ip(const Object& object, std::size_t interfaces) {
  IpConfig ip{.address = require_prefix(object, "address"), .gateway = object.address("gateway")};
  const auto index = object.integer("interface", INT64_MIN, INT64_MAX);
  if (index && *index >= 0 && static_cast<std::uint64_t>(*index) < interfaces) {
    ip.interface = static_cast<std::size_t>(*index);
  }
  return ip;
}

Result read_lists(const Object& root, Version version) {
  Result result;
  for (const Object& object : root.objects("interfaces")) {
    result.interfaces.push_back(read_interface(object, version));
  }
  for (const Object& object : root.objects("ips")) {
    result.ips.push_back(read_ip(object, result.interfaces.size()));
  }
  result.routes = read_routes(root);
  return result;
}

Result read_families(const Object& root) {
  Result result;
  for (const std::string_view key : {"ip4", "ip6"}) {
    const auto family = root.object(key);
    if (!family) continue;
    result.ips.push_back(
        {.address = require_prefix(*family, "ip"), .gateway = family->address("gateway")});
    for (Route& route : read_routes(*family)) result.routes.push_back(route);
  }
  return result;
}

Version read_version(const Object& root, Version assumed) {
  const std::string text = root.text("cniVersion").value_or("");
  if (text.empty()) return assumed;
  const auto version = parse_version(text);
  if (!version) root.reject("cniVersion", quote(text) + " is no version that we speak");
  return *version;
}

Result read_result(const Object& root, Version assumed) {
  const Version version = read_version(root, assumed);
  Result result = version < Version::k0_3_0 ? read_families(root) : read_lists(root, version);
  result.dns = read_dns(root);
  return result;
}

enum class Shape : std::uint8_t { kFamilies, kListsWithVersion, kLists };

Shape shape_of(Version version) {
  if (version < Version::k0_3_0) return Shape::kFamilies;
  return version < Version::k1_0_0 ? Shape::kListsWithVersion : Shape::kLists;
}

}  // namespace

Route parse_route(const Object& route) {
  Route parsed{.destination = require_prefix(route, "dst"),
               .gateway = route.address("gw"),
               .mtu = number_or_zero(route, "mtu"),
               .advmss = number_or_zero(route, "advmss"),
               .priority = number_or_zero(route, "priority")};
  if (const auto table = route.integer("table", 0, UINT32_MAX)) {
    parsed.table = static_cast<std::uint32_t>(*table);
  }
  if (const auto scope = route.integer("scope", 0, UINT8_MAX)) {
    parsed.scope = static_cast<std::uint8_t>(*scope);
  }
  return parsed;
}

Result parse_result(const nlohmann::json& document, Version assumed, std::string_view called) {
  try {
    return read_result(Object(document, std::string(called)), assumed);
  } catch (const Error& error) {
    // Not the configuration is wrong, but what another program wrote.
    throw Error(Code::kDecoding, error.what());
  }
}

bool is_same_family(Version left, Version right) {
  return shape_of(left) == shape_of(right);
}

}  // namespace cni
