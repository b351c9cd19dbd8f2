#include <array>

#include <nlohmann/json.hpp>

#include "plugin/cni/error.h"
#include "plugin/cni/identifier.h"
#include "plugin/config/network.h"

namespace config {
namespace {

constexpr std::string_view kDefaultBridge = "cni0";
constexpr std::string_view kDefaultPrefix = "veth";
// Leaves eight of the fifteen bytes of a name for the digits that keep two attachments apart.
constexpr std::size_t kLongestPrefix = 7;

Mode read_mode(const cni::Object& root) {
  const auto mode = root.text("mode");
  if (mode == "bridge") return Mode::kBridge;
  if (mode == "routed") return Mode::kRouted;
  root.reject("mode", mode ? "is \"" + *mode + "\", but must be \"bridge\" or \"routed\""
                           : std::string("is missing; it must be \"bridge\" or \"routed\""));
}

// Keys that say nothing in routed mode would be silently ignored, and the user would find out
// later.
void refuse_bridge_keys(const cni::Object& root) {
  constexpr std::array<std::string_view, 8> kKeys = {
      "bridge",      "isGateway",   "isDefaultGateway", "forceAddress",
      "hairpinMode", "promiscMode", "portIsolation",    "disableContainerInterface"};
  for (const std::string_view key : kKeys) {
    if (const auto* value = root.find(key)) {
      throw cni::Error(cni::Code::kUnsupportedField,
                       std::string(key) + ": " +
                           value->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) +
                           ": has no meaning in mode routed; remove it or use mode bridge");
    }
  }
}

void refuse_interface_name(const cni::Object& root, std::string_view key, const std::string& name) {
  const std::string_view defect = cni::defect_of_interface_name(name);
  if (!defect.empty())
    root.reject(key, "\"" + name + "\" is no interface name: it " + std::string(defect));
}

Bridge read_bridge(const cni::Object& root) {
  Bridge bridge;
  bridge.name = root.text("bridge").value_or(std::string(kDefaultBridge));
  refuse_interface_name(root, "bridge", bridge.name);
  bridge.is_default_gateway = root.boolean("isDefaultGateway").value_or(false);
  bridge.is_gateway = root.boolean("isGateway").value_or(false) || bridge.is_default_gateway;
  bridge.force_address = root.boolean("forceAddress").value_or(false);
  bridge.hairpin = root.boolean("hairpinMode").value_or(false);
  bridge.promiscuous = root.boolean("promiscMode").value_or(false);
  bridge.port_isolation = root.boolean("portIsolation").value_or(false);
  if (bridge.hairpin && bridge.promiscuous) {
    root.reject("hairpinMode",
                "cannot be combined with promiscMode: every frame would be received twice");
  }
  return bridge;
}

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

base::MacAddress read_mac(const std::string& text, const std::string& where, cni::Code code) {
  const auto mac = base::MacAddress::parse(text);
  if (!mac || !mac->is_usable())
    throw cni::Error(code, where + ": \"" + text + "\" is no unicast MAC address");
  return *mac;
}

// runtimeConfig, then args, then CNI_ARGS, as in the reference bridge.
std::optional<base::MacAddress> find_mac(const cni::Request& request, const cni::Object& root) {
  const auto given = [](const cni::Object& object) { return object.text("mac").value_or(""); };
  if (const auto runtime = root.object("runtimeConfig")) {
    if (const auto text = given(*runtime); !text.empty())
      return read_mac(text, runtime->path_of("mac"), cni::Code::kInvalidConfig);
  }
  if (const auto args = root.object("args")) {
    if (const auto cni = args->object("cni")) {
      if (const auto text = given(*cni); !text.empty())
        return read_mac(text, cni->path_of("mac"), cni::Code::kInvalidConfig);
    }
  }
  if (const auto text = cni::Arguments::parse(request.args).get("MAC"); text && !text->empty()) {
    return read_mac(*text, "CNI_ARGS MAC", cni::Code::kInvalidEnvironment);
  }
  return std::nullopt;
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

std::string read_prefix(const cni::Object& root) {
  std::string prefix = root.text("hostInterfacePrefix").value_or(std::string(kDefaultPrefix));
  refuse_interface_name(root, "hostInterfacePrefix", prefix);
  if (prefix.size() > kLongestPrefix) root.reject("hostInterfacePrefix", "is longer than 7 bytes");
  return prefix;
}

void refuse_contradictions(const cni::Object& root, const Network& network) {
  if (!network.container_up && !network.ipam.type.empty()) {
    root.reject("disableContainerInterface",
                "cannot be combined with ipam: an interface that is down has no use for addresses");
  }
  if (network.mode == Mode::kRouted && network.ipam.type.empty()) {
    root.reject("ipam", "is missing: mode routed needs addresses to route");
  }
}

}  // namespace

Network parse_patchcord(const cni::Request& request) {
  const cni::Object root = request.config();
  cni::Arguments::parse(request.args).require_known({"IP", "MAC", "GATEWAY"});
  Network network;
  network.mode = read_mode(root);
  if (network.mode == Mode::kBridge) {
    network.bridge = read_bridge(root);
    network.container_up = !root.boolean("disableContainerInterface").value_or(false);
  } else {
    refuse_bridge_keys(root);
  }
  network.host_interface_prefix = read_prefix(root);
  read_mtu(root, network);
  network.mac = find_mac(request, root);
  network.enable_dad = root.boolean("enabledad").value_or(false);
  network.dns = read_dns(root);
  network.ipam = parse_ipam(request);
  refuse_contradictions(root, network);
  return network;
}

}  // namespace config
