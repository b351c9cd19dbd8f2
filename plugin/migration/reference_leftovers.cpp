#include "plugin/migration/reference_leftovers.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <string>

#include <linux/netfilter.h>

#include "base/digest.h"
#include "netlink/error.h"
#include "netlink/link.h"
#include "netlink/nft/query.h"
#include "netlink/nft/rules.h"
#include "netlink/nft/transaction.h"
#include "plugin/migration/legacy_iptables.h"
#include "plugin/steps/step.h"

namespace migration {
namespace {

using attachment::Key;
using netlink::Socket;
using netlink::nft::FoundRule;
using netlink::nft::Table;
using netlink::nft::TableFamily;
using netlink::nft::Transaction;
using Addresses = std::vector<base::IpAddress>;

constexpr std::array kIpFamilies = {TableFamily::kIpv4, TableFamily::kIpv6};

// As the reference names a container's chains: 28 characters, the rest of which is a digest.
std::string chain_name(const Key& key, const std::string& kind) {
  constexpr std::size_t kLength = 28;
  const std::string prefix = "CNI-" + kind;
  return prefix + base::sha512_hex(key.network + key.container_id, kLength - prefix.size());
}

bool contains(const Addresses& addresses, const std::optional<base::IpAddress>& address) {
  return address && std::find(addresses.begin(), addresses.end(), *address) != addresses.end();
}

// A kernel without nf_tables, or without its protocol, has no rules in them.
bool is_without_tables(const netlink::Error& error) {
  return error.code() == EINVAL || error.code() == EOPNOTSUPP || error.code() == EPROTONOSUPPORT;
}

// Others change the same chains, so that what was seen may be gone or in use when it is removed:
// then it is looked at again.
void remove(const std::function<void(Socket&, Transaction&)>& find) {
  constexpr int kAttempts = 5;
  for (int attempt = 1; attempt <= kAttempts; ++attempt) {
    try {
      Socket socket(netlink::Protocol::kNetfilter);
      Transaction transaction;
      find(socket, transaction);
      if (!transaction.empty()) transaction.commit(socket);
      return;
    } catch (const netlink::Error& error) {
      if (is_without_tables(error)) return;
      const bool changed = error.code() == ENOENT || error.code() == EBUSY;
      if (!changed || attempt == kAttempts) throw;
    }
  }
}

void remove_rules_if(Socket& socket, Transaction& transaction, const Table& table,
                     const std::string& chain,
                     const std::function<bool(const FoundRule&)>& is_due) {
  for (const FoundRule& rule : netlink::nft::rules_of(socket, table, chain)) {
    if (is_due(rule)) transaction.remove_rule(table, chain, rule.handle);
  }
}

struct ContainerChain {
  Table table;
  std::string name;
  std::string entry;  // the chain that leads to it
};

// A chain of one container, and the rules that jump to it from its entry, but for those that are
// for the addresses of others. A rule that names none may be for any of them.
void remove_chain(Socket& socket, Transaction& transaction, const ContainerChain& chain,
                  const FindOthers& find_others) {
  if (!netlink::nft::find_chain(socket, chain.table, chain.name)) return;
  const Addresses others = find_others();
  bool is_needed = false;
  remove_rules_if(socket, transaction, chain.table, chain.entry, [&](const FoundRule& rule) {
    if (rule.verdict.chain != chain.name) return false;
    const bool stays = rule.source ? contains(others, rule.source) : !others.empty();
    is_needed |= stays;
    return !stays;
  });
  if (is_needed) return;
  transaction.flush_chain(chain.table, chain.name);
  transaction.remove_chain(chain.table, chain.name);
}

}  // namespace

FindOthers no_others() {
  return [] { return Addresses(); };
}

void remove_reference_masquerade(const Key& key, const FindOthers& find_others) {
  const std::string chain = chain_name(key, "");
  const std::string comment = base::sha512_hex(key.network, 16) + "-" +
                              base::sha512_hex(key.ifname + ":" + key.container_id, 16);
  remove([&](Socket& socket, Transaction& transaction) {
    for (const auto family : kIpFamilies)
      remove_chain(socket, transaction, {{family, "nat"}, chain, "POSTROUTING"}, find_others);
    remove_rules_if(socket, transaction, {TableFamily::kInet, "cni_plugins_masquerade"},
                    "masq_checks",
                    [&](const FoundRule& rule) { return rule.comment.starts_with(comment); });
  });
  remove_legacy_chain(chain, "POSTROUTING", find_others);
}

void remove_reference_antispoof(const Key& key) {
  constexpr std::size_t kLongestName = 255;  // NFT_NAME_MAXLEN, less the terminator
  const Table table{.family = TableFamily::kBridge, .name = "nat"};
  const std::string chain = "cni-br-iface-" + key.container_id + "-" + key.ifname;
  const std::string inner = chain + "-mac";
  if (inner.size() > kLongestName) return;
  remove([&](Socket& socket, Transaction& transaction) {
    remove_chain(socket, transaction, {table, inner, chain}, no_others());
    remove_chain(socket, transaction, {table, chain, "PREROUTING"}, no_others());
  });
}

void remove_reference_ports(const Key& key, const Addresses& own, const FindOthers& find_others) {
  constexpr std::array<std::array<std::string_view, 2>, 2> kChains = {
      {{"DN-", "CNI-HOSTPORT-DNAT"}, {"SN-", "CNI-HOSTPORT-SNAT"}}};
  const auto is_due = [&](const FoundRule& rule) {
    if (rule.comment != key.container_id) return false;
    const auto& address = rule.loaded ? rule.loaded : rule.destination;
    return own.empty() || contains(own, address);
  };
  remove([&](Socket& socket, Transaction& transaction) {
    for (const auto family : kIpFamilies) {
      for (const auto& [kind, entry] : kChains)
        remove_chain(socket, transaction,
                     {{family, "nat"}, chain_name(key, std::string(kind)), std::string(entry)},
                     find_others);
      for (const auto* chain : {"hostports", "hostip_hostports", "masquerading"})
        remove_rules_if(socket, transaction, {family, "cni_hostport"}, chain, is_due);
    }
  });
  for (const auto& [kind, entry] : kChains)
    remove_legacy_chain(chain_name(key, std::string(kind)), std::string(entry), find_others);
}

void remove_reference_firewall(const Addresses& own) {
  const auto is_due = [&](const FoundRule& rule) {
    const bool accepts = rule.has_verdict && rule.verdict.code == NF_ACCEPT;
    const bool names_one = rule.source.has_value() != rule.destination.has_value();
    return accepts && names_one && (contains(own, rule.source) || contains(own, rule.destination));
  };
  remove([&](Socket& socket, Transaction& transaction) {
    for (const auto family : kIpFamilies)
      remove_rules_if(socket, transaction, {family, "filter"}, "CNI-FORWARD", is_due);
  });
  remove_legacy_acceptance("CNI-FORWARD", own);
}

void remove_reference_ifb(Socket& host, const Key& key, const FindOthers& find_others) {
  constexpr std::size_t kDigits = 12;
  const std::string name =
      std::string(steps::kIfbPrefix) + base::sha512_hex(key.network + key.container_id, kDigits);
  const auto ifb = netlink::find_link(host, name);
  if (!ifb || ifb->kind != "ifb" || !ifb->alias.empty() || !find_others().empty()) return;
  netlink::delete_link(host, ifb->index, ifb->name);
}

}  // namespace migration
