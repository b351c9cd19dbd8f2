// portmap's keys and runtimeConfig.portMappings.
#include <array>

#include <nlohmann/json.hpp>

#include "plugin/cni/error.h"
#include "plugin/config/keys.h"

namespace config {
namespace {

struct Refused {
  std::string_view key;
  std::string_view remedy;
};
// Text in the language of a tool that is not run here.
constexpr std::array<Refused, 3> kRefused = {
    {{"externalSetMarkChain",
      "is a chain of iptables; remove it: nothing needs to be marked, because ports are published "
      "in nftables"},
     {"conditionsV4",
      "are matches of iptables or nft that cannot be passed on; remove them and filter in a chain "
      "of the host's own, or bind the ports to an address (hostIP)"},
     {"conditionsV6",
      "are matches of iptables or nft that cannot be passed on; remove them and filter in a chain "
      "of the host's own, or bind the ports to an address (hostIP)"}}};

[[noreturn]] void refuse(const cni::Object& root, std::string_view key, std::string_view remedy) {
  throw cni::Error(
      cni::Code::kUnsupportedField,
      root.path_of(key) + ": " +
          root.find(key)->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + ": " +
          std::string(remedy));
}

bool is_empty(const nlohmann::json& value) {
  return value.is_array() && value.empty();
}

void refuse_what_iptables_does(const cni::Object& root) {
  for (const Refused& refused : kRefused) {
    const auto* value = root.find(refused.key);
    if (value != nullptr && !is_empty(*value)) refuse(root, refused.key, refused.remedy);
  }
  const auto backend = root.text("backend");
  if (!backend || backend->empty() || *backend == "nftables") return;
  if (*backend != "iptables") root.reject("backend", "must be \"nftables\"");
  refuse(
      root, "backend",
      "ports are published in nftables, by elements of maps; remove the key or say \"nftables\"");
}

// 127.0.0.1 leaves the host as the source of nothing, and the kernel lets ::1 out in no way.
void refuse_loopback(const cni::Object& root, const Ports& ports) {
  for (const auto& mapping : ports.mappings) {
    if (!mapping.host_address || !mapping.host_address->is_loopback()) continue;
    const bool is_v4 = mapping.host_address->is_v4();
    if (is_v4 && ports.snat) continue;
    root.reject("runtimeConfig.portMappings",
                cni::to_string(mapping) + (is_v4 ? " needs snat, which is false"
                                                 : " cannot be forwarded; use 127.0.0.1"));
  }
}

}  // namespace

std::optional<Ports> read_ports(const cni::Object& root) {
  refuse_what_iptables_does(root);
  // Which bit marks what is to be masqueraded: none does.
  (void)root.integer("markMasqBit", 0, 31);
  Ports ports{.mappings = cni::read_port_mappings(root),
              .snat = root.boolean("snat").value_or(true),
              .masquerade_all = root.boolean("masqAll").value_or(false)};
  if (ports.masquerade_all && !ports.snat) root.reject("masqAll", "needs snat, which is false");
  refuse_loopback(root, ports);
  return ports.mappings.empty() ? std::nullopt : std::optional(std::move(ports));
}

}  // namespace config
