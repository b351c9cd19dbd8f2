#include "plugin/config/firewall.h"

#include "plugin/attachment/attachment.h"
#include "plugin/cni/text.h"

namespace config {
namespace {

std::string text_or(const cni::Object& root, std::string_view key, const std::string& otherwise) {
  const std::string text = root.text(key).value_or("");
  return text.empty() ? otherwise : text;
}

IngressPolicy read_ingress_policy(const cni::Object& root) {
  const std::string policy = root.text("ingressPolicy").value_or("");
  if (policy.empty() || policy == "open") return IngressPolicy::kOpen;
  if (policy == "same-bridge") return IngressPolicy::kSameBridge;
  if (policy == "isolated") return IngressPolicy::kIsolated;
  root.reject("ingressPolicy", R"(must be "open", "same-bridge" or "isolated")");
}

// What iptables would take for a name, and not for a chain that is in the way already.
std::string read_admin_chain(const cni::Object& root) {
  constexpr std::size_t kLongest = 28;  // XT_EXTENSION_MAXNAMELEN - 1
  std::string chain = text_or(root, "iptablesAdminChainName", "CNI-ADMIN");
  const bool is_taken = chain == "FORWARD" || chain == attachment::kAcceptingChain;
  if (is_taken || chain.size() > kLongest || chain.front() == '-' || chain.front() == '!' ||
      chain.find_first_of(" \t\r\n") != std::string::npos)
    root.reject("iptablesAdminChainName",
                cni::quote(chain) + " is no name for a chain of the admin's");
  return chain;
}

}  // namespace

Firewall read_firewall(const cni::Object& root) {
  const std::string zone = text_or(root, "firewalldZone", "trusted");
  return {.ingress = read_ingress_policy(root),
          .admin_chain = read_admin_chain(root),
          .firewalld_zone = zone,
          .wants_firewalld = root.text("backend") == "firewalld"};
}

}  // namespace config
