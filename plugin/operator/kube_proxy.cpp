#include "plugin/operator/kube_proxy.h"

#include <cstring>
#include <vector>

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/file.h"
#include "base/unique_fd.h"
#include "netlink/error.h"
#include "netlink/link.h"
#include "netlink/nft/query.h"
#include "plugin/cni/error.h"
#include "plugin/config/network.h"
#include "plugin/operator/files.h"
#include "plugin/ruleset/kernel.h"

namespace tool {
namespace {

using base::Family;

constexpr std::string_view kChain = "KUBE-SERVICES";

/// What iptables-legacy asks the kernel with; the two families differ in nothing but numbers.
struct Legacy {
  const char* names;  // of the tables that are there
  int family;
  int level;
  int get_info;
  int get_entries;
};
constexpr Legacy kLegacy4 = {"/proc/net/ip_tables_names", AF_INET, IPPROTO_IP, IPT_SO_GET_INFO,
                             IPT_SO_GET_ENTRIES};
constexpr Legacy kLegacy6 = {"/proc/net/ip6_tables_names", AF_INET6, IPPROTO_IPV6, IP6T_SO_GET_INFO,
                             IP6T_SO_GET_ENTRIES};

// Whether the legacy table nat has the chain: its name stands among the rules. Only a table that is
// there already is asked for, as to ask makes it.
bool has_legacy_chain(const Legacy& legacy) {
  constexpr std::size_t kMostNames = 4096;
  const auto names = base::read_file(legacy.names, kMostNames);
  if (!names || names->find("nat\n") == std::string::npos) return false;
  const base::UniqueFd fd(::socket(legacy.family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  ipt_getinfo info{};
  std::strcpy(info.name, "nat");
  socklen_t size = sizeof info;
  if (!fd || ::getsockopt(fd.get(), legacy.level, legacy.get_info, &info, &size) != 0) return false;
  std::vector<char> entries(sizeof(ipt_get_entries) + info.size);
  std::memcpy(entries.data(), info.name, sizeof info.name);
  std::memcpy(entries.data() + offsetof(ipt_get_entries, size), &info.size, sizeof info.size);
  size = static_cast<socklen_t>(entries.size());
  if (::getsockopt(fd.get(), legacy.level, legacy.get_entries, entries.data(), &size) != 0)
    return false;
  return std::string_view(entries.data(), entries.size()).find(kChain) != std::string_view::npos;
}

}  // namespace

std::optional<std::string> find_kube_proxy(netlink::Socket& host, Family family) {
  // Where it uses IPVS, it has some chains of iptables as well.
  if (netlink::find_link(host, "kube-ipvs0")) return "IPVS";
  const bool is_ipv4 = family == Family::kIpv4;
  const auto table_family =
      is_ipv4 ? netlink::nft::TableFamily::kIpv4 : netlink::nft::TableFamily::kIpv6;
  try {
    if (auto netfilter = ruleset::find_nftables()) {
      if (netlink::nft::has_table(*netfilter, {table_family, "kube-proxy"})) return "nftables";
      const netlink::nft::Table nat{table_family, "nat"};
      if (netlink::nft::find_chain(*netfilter, nat, std::string(kChain))) return "iptables";
    }
  } catch (const netlink::Error&) {
    // Then iptables-legacy may be what the node has.
  }
  if (has_legacy_chain(is_ipv4 ? kLegacy4 : kLegacy6)) return "iptables";
  return std::nullopt;
}

std::optional<std::string> find_kube_proxy(netlink::Socket& host) {
  auto mode = find_kube_proxy(host, Family::kIpv4);
  return mode ? mode : find_kube_proxy(host, Family::kIpv6);
}

bool lacks_hairpin(const cni::Request& request) {
  try {
    const auto network = network_of(request);
    if (!network) return false;
    const config::Bridge& bridge = network->bridge;
    return network->mode == config::Mode::kBridge && bridge.is_gateway && !bridge.hairpin &&
           !bridge.promiscuous;
  } catch (const cni::Error&) {
    return false;  // `validate` says what is wrong with it
  }
}

}  // namespace tool
