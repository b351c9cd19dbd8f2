#include "plugin/config/keys.h"

#include <nlohmann/json.hpp>

#include "plugin/cni/error.h"
#include "plugin/cni/identifier.h"

namespace config {
namespace {

void read_mtu(const cni::Object& root, Network& network) {
  const auto* value = root.find("mtu");
  if (value == nullptr) return;
  if (value->is_string()) {
    if (value->get_ref<const std::string&>() != "auto")
      root.reject("mtu", "must be a number of bytes or \"auto\"");
    network.mtu_auto = true;
    return;
  }
  // The reference takes zero and negative numbers for "leave it".
  const auto bytes = root.integer("mtu", INT32_MIN, 65535).value_or(0);
  if (bytes > 0 && bytes < 68)
    root.reject("mtu", "is below 68, the least that IPv4 works with (RFC 791)");
  network.mtu = bytes > 0 ? static_cast<unsigned>(bytes) : 0;
}

base::MacAddress parse_mac(const std::string& text, const std::string& where, cni::Code code) {
  const auto mac = base::MacAddress::parse(text);
  if (!mac || !mac->is_usable())
    throw cni::Error(code, where + ": \"" + text + "\" is no unicast MAC address");
  return *mac;
}

// Any list present, even an empty one, and a domain that is not empty make the configured DNS
// replace IPAM's.
std::optional<cni::Dns> read_dns(const cni::Object& root) {
  const auto section = root.object("dns");
  if (!section) return std::nullopt;
  cni::Dns dns{.nameservers = section->texts("nameservers"),
               .domain = section->text("domain").value_or(""),
               .search = section->texts("search"),
               .options = section->texts("options")};
  const bool given = section->has("nameservers") || section->has("search") ||
                     section->has("options") || !dns.domain.empty();
  return given ? std::optional(std::move(dns)) : std::nullopt;
}

}  // namespace

bool offers(const cni::Object& root, std::string_view capability) {
  const auto capabilities = root.object("capabilities");
  return capabilities && capabilities->boolean(capability).value_or(false);
}

void refuse_interface_name(const cni::Object& root, std::string_view key, const std::string& name) {
  const std::string_view defect = cni::defect_of_interface_name(name);
  if (!defect.empty())
    root.reject(key, "\"" + name + "\" is no interface name: it " + std::string(defect));
}

std::optional<base::MacAddress> read_mac(const cni::Object& object) {
  const auto text = object.text("mac");
  if (!text || text->empty()) return std::nullopt;
  return parse_mac(*text, object.path_of("mac"), cni::Code::kInvalidConfig);
}

std::optional<base::MacAddress> read_mac_argument(const cni::Request& request) {
  const auto text = cni::Arguments::parse(request.args).get("MAC");
  if (!text || text->empty()) return std::nullopt;
  return parse_mac(*text, "CNI_ARGS MAC", cni::Code::kInvalidEnvironment);
}

std::optional<cni::Object> find_args(const cni::Object& root) {
  const auto args = root.object("args");
  return args ? args->object("cni") : std::nullopt;
}

// runtimeConfig, then args, then CNI_ARGS, as in the reference bridge.
std::optional<base::MacAddress> find_mac(const cni::Request& request, const cni::Object& root) {
  if (const auto runtime = root.object("runtimeConfig")) {
    if (const auto mac = read_mac(*runtime)) return mac;
  }
  if (const auto args = find_args(root)) {
    if (const auto mac = read_mac(*args)) return mac;
  }
  return read_mac_argument(request);
}

void read_common(const cni::Request& request, Network& network) {
  const cni::Object root = request.config();
  read_mtu(root, network);
  network.dns = read_dns(root);
  network.source_routes = root.boolean("sourceRoutes").value_or(true);
  network.accept_ra = root.boolean("acceptRA").value_or(false);
  network.ipam = parse_ipam(request, network.mode);
  read_masquerade(root, network);
}

}  // namespace config
