#include "plugin/operator/trace/legacy.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include <arpa/inet.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/unique_fd.h"

namespace tool::trace {
namespace {

constexpr std::array<const char*, 5> kChains = {"PREROUTING", "INPUT", "FORWARD", "OUTPUT",
                                                "POSTROUTING"};

struct Kind {
  int domain;
  int level;
  const char* names;  // where the kernel lists the tables that are in use
};

Kind kind_of(base::Family family) {
  if (family == base::Family::kIpv4) return {AF_INET, IPPROTO_IP, "/proc/self/net/ip_tables_names"};
  return {AF_INET6, IPPROTO_IPV6, "/proc/self/net/ip6_tables_names"};
}

// The policy is the verdict of the entry that ends the chain. Both families' entries have the
// place of their target at the same distance from their end.
template <class Entry>
bool ends_with_drop(const std::vector<char>& entries, std::size_t at) {
  Entry entry;
  if (at + sizeof entry > entries.size()) return false;
  std::memcpy(&entry, entries.data() + at, sizeof entry);
  xt_standard_target target;
  if (at + entry.target_offset + sizeof target > entries.size()) return false;
  std::memcpy(&target, entries.data() + at + entry.target_offset, sizeof target);
  return target.verdict == -NF_DROP - 1;
}

// The two families' structures differ in the entries alone.
struct Asked {
  bool is_there = false;
  bool has_rules = false;
  bool drops = false;
};

Asked ask(const Kind& kind, const std::string& table, unsigned hook) {
  const base::UniqueFd fd(::socket(kind.domain, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  ipt_getinfo info{};
  table.copy(info.name, sizeof info.name - 1);
  socklen_t size = sizeof info;
  if (!fd || ::getsockopt(fd.get(), kind.level, IPT_SO_GET_INFO, &info, &size) != 0) return {};
  if ((info.valid_hooks & (1U << hook)) == 0) return {};
  std::vector<char> buffer(sizeof(ipt_get_entries) + info.size);
  ipt_get_entries head{};
  table.copy(head.name, sizeof head.name - 1);
  head.size = info.size;
  std::memcpy(buffer.data(), &head, sizeof head);
  size = static_cast<socklen_t>(buffer.size());
  if (::getsockopt(fd.get(), kind.level, IPT_SO_GET_ENTRIES, buffer.data(), &size) != 0) return {};
  const std::vector<char> entries(buffer.begin() + sizeof head, buffer.end());
  const std::size_t end = info.underflow[hook];
  return {.is_there = true,
          .has_rules = info.hook_entry[hook] != info.underflow[hook],
          .drops = kind.domain == AF_INET ? ends_with_drop<ipt_entry>(entries, end)
                                          : ends_with_drop<ip6t_entry>(entries, end)};
}

}  // namespace

std::string LegacyChain::command() const {
  return family == base::Family::kIpv4 ? "iptables-legacy" : "ip6tables-legacy";
}

std::vector<LegacyChain> legacy_chains(Ground& ground, base::Family family, unsigned hook) {
  const Kind kind = kind_of(family);
  constexpr std::size_t kLongest = 65536;
  const netlink::ScopedEntry inside(ground.space(), ground.home());
  std::vector<LegacyChain> chains;
  const auto names = base::read_file(kind.names, kLongest);
  if (!names) return chains;
  std::string_view rest = *names;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const std::string table(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const Asked asked = ask(kind, table, hook);
    if (!asked.is_there) continue;
    chains.push_back({.family = family,
                      .table = table,
                      .chain = kChains[hook],
                      .has_rules = asked.has_rules,
                      .drops = asked.drops});
  }
  return chains;
}

}  // namespace tool::trace
