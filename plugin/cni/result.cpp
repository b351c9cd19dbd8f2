#include "plugin/cni/result.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "plugin/cni/error.h"
#include "plugin/cni/object.h"

namespace cni {
namespace {

using nlohmann::json;

void put(json& object, const char* key, const std::string& text) {
  if (!text.empty()) object[key] = text;
}

void put(json& object, const char* key, std::uint32_t number) {
  if (number != 0) object[key] = number;
}

void put(json& object, const char* key, const std::optional<base::IpAddress>& address) {
  if (address) object[key] = address->to_string();
}

// Lists that are empty are left out in every version.
void put(json& object, const char* key, json&& list) {
  if (!list.empty()) object[key] = std::move(list);
}

json write_dns(const Dns& dns) {
  json object = json::object();
  put(object, "nameservers", json(dns.nameservers));
  put(object, "domain", dns.domain);
  put(object, "search", json(dns.search));
  put(object, "options", json(dns.options));
  return object;
}

json write_interface(const Interface& interface, Version version) {
  json object = {{"name", interface.name}};
  put(object, "mac", interface.mac);
  put(object, "sandbox", interface.sandbox);
  const bool extended =
      version >= Version::k1_1_0 || (version == Version::k1_0_0 && interface.from_document);
  if (extended) {
    put(object, "mtu", interface.mtu);
    put(object, "socketPath", interface.socket_path);
    put(object, "pciID", interface.pci_id);
  }
  return object;
}

json write_ip(const IpConfig& ip, Version version, std::size_t interfaces) {
  json object = {{"address", ip.address.to_string()}};
  if (version < Version::k1_0_0) object["version"] = ip.address.address().is_v4() ? "4" : "6";
  put(object, "gateway", ip.gateway);
  if (ip.interface && *ip.interface < interfaces) object["interface"] = *ip.interface;
  return object;
}

json write_route(const Route& route, Version version) {
  json object = {{"dst", route.destination.to_string()}};
  put(object, "gw", route.gateway);
  if (version < Version::k0_3_0) return object;
  put(object, "mtu", route.mtu);
  put(object, "advmss", route.advmss);
  put(object, "priority", route.priority);
  // Zero says something in these two: no table given, and the scope "universe".
  if (route.table) object["table"] = *route.table;
  if (route.scope) object["scope"] = *route.scope;
  return object;
}

// Before 0.3.0: the first address of each family, with the routes whose destination is of it.
json write_family(const Result& result, base::Family family, Version version) {
  const auto ip = std::find_if(result.ips.begin(), result.ips.end(), [&](const IpConfig& each) {
    return each.address.family() == family;
  });
  if (ip == result.ips.end()) return {};
  json object = {{"ip", ip->address.to_string()}};
  put(object, "gateway", ip->gateway);
  json routes = json::array();
  for (const Route& route : result.routes) {
    if (route.destination.family() == family) routes.push_back(write_route(route, version));
  }
  put(object, "routes", std::move(routes));
  return object;
}

void write_families(json& document, const Result& result, Version version) {
  if (result.ips.empty()) {
    throw Error(Code::kInvalidConfig,
                "cniVersion " + std::string(to_string(version)) +
                    ": a result without an IP address cannot be expressed before 0.3.0");
  }
  put(document, "ip4", write_family(result, base::Family::kIpv4, version));
  put(document, "ip6", write_family(result, base::Family::kIpv6, version));
}

void write_lists(json& document, const Result& result, Version version) {
  json interfaces = json::array();
  for (const Interface& interface : result.interfaces) {
    interfaces.push_back(write_interface(interface, version));
  }
  json ips = json::array();
  for (const IpConfig& ip : result.ips) {
    ips.push_back(write_ip(ip, version, result.interfaces.size()));
  }
  json routes = json::array();
  for (const Route& route : result.routes) routes.push_back(write_route(route, version));
  put(document, "interfaces", std::move(interfaces));
  put(document, "ips", std::move(ips));
  put(document, "routes", std::move(routes));
}

}  // namespace

std::string to_document(const Result& result, Version version) {
  json document = {{"cniVersion", to_string(version)}};
  if (version < Version::k0_3_0) {
    write_families(document, result, version);
  } else {
    write_lists(document, result, version);
  }
  // "dns" is there, be it empty, in every version before 1.0.0.
  if (version < Version::k1_0_0 || !result.dns.empty()) document["dns"] = write_dns(result.dns);
  return print_document(document);
}

bool is_of_container(const Result& result, const IpConfig& ip, std::string_view ifname) {
  if (!ip.interface || *ip.interface >= result.interfaces.size()) return true;
  const Interface& interface = result.interfaces[*ip.interface];
  return interface.name == ifname && !interface.sandbox.empty();
}

}  // namespace cni
