// portmap's keys and runtimeConfig.portMappings.
#include <utility>

#include "plugin/cni/text.h"
#include "plugin/config/keys.h"

namespace config {
namespace {

// What a backend of the reference's would do is done in nftables, whichever is named; its chain for
// marks is of no use, because what needs another source gets it by sets of addresses.
std::vector<std::string> note_what_iptables_does(const cni::Object& root) {
  std::vector<std::string> notes;
  const std::string chain = root.text("externalSetMarkChain").value_or("");
  if (!chain.empty())
    notes.push_back("externalSetMarkChain: " + cni::quote(chain) +
                    " is not used: connections to host ports are masqueraded without a mark");
  const std::string backend = root.text("backend").value_or("nftables");
  if (backend == "iptables") {
    notes.emplace_back(
        "backend: ports are published in nftables, which work beside rules of iptables");
  } else if (!backend.empty() && backend != "nftables") {
    root.reject("backend",
                "is " + cni::quote(backend) + R"(, but must be "nftables" or "iptables")");
  }
  return notes;
}

}  // namespace

PortConditions read_port_conditions(const cni::Object& root, base::Family family) {
  const std::string_view key = family == base::Family::kIpv4 ? "conditionsV4" : "conditionsV6";
  const auto words = root.texts(key);
  if (auto all = cni::parse_port_conditions(words, family)) return {.all = std::move(*all)};
  std::string text = std::string(key) + ": \"";
  for (const auto& word : words) text += (text.back() == '"' ? "" : " ") + word;
  return {.all = {}, .unreadable = text + "\""};
}

namespace {

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
  // Which bit marks what is to be masqueraded: none does.
  (void)root.integer("markMasqBit", 0, 31);
  Ports ports{.mappings = cni::read_port_mappings(root),
              .snat = root.boolean("snat").value_or(true),
              .masquerade_all = root.boolean("masqAll").value_or(false),
              .ipv4 = read_port_conditions(root, base::Family::kIpv4),
              .ipv6 = read_port_conditions(root, base::Family::kIpv6),
              .notes = note_what_iptables_does(root)};
  if (ports.masquerade_all && !ports.snat) root.reject("masqAll", "needs snat, which is false");
  if (ports.mappings.empty()) return std::nullopt;
  refuse_loopback(root, ports);
  return ports;
}

}  // namespace config
