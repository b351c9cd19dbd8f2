// The keys of type patchcord that become nftables rules: ipMasq, isolation, antispoof.
#include <nlohmann/json.hpp>

#include "plugin/cni/text.h"
#include "plugin/config/keys.h"

namespace config {
namespace {

// true, or one family only.
void read_families(const cni::Object& root, Masquerade& masquerade) {
  const auto* value = root.find("ipMasq");
  if (value == nullptr) return;
  if (!value->is_string()) {
    masquerade.ipv4 = masquerade.ipv6 = root.boolean("ipMasq").value_or(false);
    return;
  }
  const auto& text = value->get_ref<const std::string&>();
  masquerade.ipv4 = text == "ipv4";
  masquerade.ipv6 = text == "ipv6";
  if (!masquerade.ipv4 && !masquerade.ipv6)
    root.reject("ipMasq", "must be true, false, \"ipv4\" or \"ipv6\"");
}

void note_backend(const cni::Object& root, Network& network) {
  const std::string backend = root.text("ipMasqBackend").value_or("nftables");
  if (backend == "nftables") return;
  if (backend != "iptables") {
    root.reject("ipMasqBackend",
                "is " + cni::quote(backend) + R"(, but must be "nftables" or "iptables")");
  }
  const auto& masquerade = network.rules.masquerade;
  if (masquerade.ipv4 || masquerade.ipv6)
    network.notes.emplace_back(
        "ipMasqBackend: masquerading is done in nftables, which works beside rules of iptables");
}

Isolation read_isolation(const cni::Object& root) {
  const auto text = root.text("isolation");
  if (!text || text == "open") return Isolation::kOpen;
  if (text == "network") return Isolation::kNetwork;
  if (text == "pod") return Isolation::kPod;
  root.reject("isolation", R"(must be "open", "network" or "pod")");
}

}  // namespace

void read_masquerade(const cni::Object& root, Network& network) {
  Masquerade& masquerade = network.rules.masquerade;
  read_families(root, masquerade);
  note_backend(root, network);
  for (const std::string& text : root.texts("ipMasqExclude")) {
    const auto prefix = base::IpPrefix::parse(text);
    if (!prefix) root.reject("ipMasqExclude", "has \"" + text + "\", which is no prefix");
    masquerade.exclude.push_back(prefix->network());
  }
}

void read_protection(const cni::Object& root, Network& network) {
  network.rules.isolation = read_isolation(root);
  network.rules.check_address = root.boolean("antispoof").value_or(false);
  if (network.rules.isolation != Isolation::kOpen && network.ipam.type.empty())
    root.reject("isolation", "needs ipam: it goes by addresses");
  if (!network.rules.check_address) return;
  if (network.accept_ra)
    root.reject("antispoof",
                "cannot be combined with acceptRA: what the container sends from the addresses "
                "that a router gives it would be dropped; on a bridge there is macspoofchk");
  if (network.ipam.type.empty())
    root.reject("antispoof", "needs ipam: without addresses there is macspoofchk");
  if (network.bridge.vlans && !network.bridge.vlans->trunk.empty())
    root.reject("antispoof", "cannot be combined with vlanTrunk; use macspoofchk");
}

std::string find_bridge_name(const cni::Request& request) noexcept {
  constexpr const char* kDefault = "cni0";
  try {
    return request.config().text("bridge").value_or(kDefault);
  } catch (const std::exception&) {
    return kDefault;
  }
}

}  // namespace config
