#include "plugin/migration/legacy_iptables.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

// Behind <netinet/in.h>, which it takes into account.
#include <linux/netfilter_ipv4/ip_tables.h>

#include "base/error.h"
#include "base/file.h"
#include "base/unique_fd.h"
#include "plugin/cni/child_process.h"
#include "plugin/cni/error.h"

namespace migration {
namespace {

using Addresses = std::vector<base::IpAddress>;

struct Family {
  int domain;
  int level;
  const char* tables;   // the file that says which tables there are
  const char* program;  // the beginning of the programs' names
};

// The two have the same options, with the same numbers and the same layout.
constexpr std::array<Family, 2> kFamilies = {
    {{AF_INET, SOL_IP, "/proc/net/ip_tables_names", "iptables"},
     {AF_INET6, SOL_IPV6, "/proc/net/ip6_tables_names", "ip6tables"}}};

// Asking for a table that is not there would make the kernel load it.
bool has_table(const Family& family, const std::string& table) {
  constexpr std::size_t kLongest = 4096;
  const auto names = base::read_file(family.tables, kLongest);
  return names && ("\n" + *names).find("\n" + table + "\n") != std::string::npos;
}

// The whole table, which is the least that can be asked for; absent where it has changed meanwhile.
std::optional<std::string> read_table(int socket, const Family& family, const std::string& table) {
  ipt_getinfo info{};
  table.copy(info.name, sizeof info.name - 1);
  socklen_t length = sizeof info;
  if (::getsockopt(socket, family.level, IPT_SO_GET_INFO, &info, &length) != 0)
    throw base::SystemError("look into", "table " + table, errno);
  std::string entries(sizeof(ipt_get_entries) + info.size, '\0');
  ipt_get_entries head{};
  table.copy(head.name, sizeof head.name - 1);
  head.size = info.size;
  std::memcpy(entries.data(), &head, sizeof head);
  length = static_cast<socklen_t>(entries.size());
  if (::getsockopt(socket, family.level, IPT_SO_GET_ENTRIES, entries.data(), &length) == 0)
    return entries;
  if (errno == EAGAIN) return std::nullopt;
  throw base::SystemError("read", "table " + table, errno);
}

// A chain's name is in its table, with its terminator, as that of an entry.
bool has_chain(const Family& family, const std::string& table, const std::string& chain) {
  constexpr int kAttempts = 10;
  if (!has_table(family, table)) return false;
  const base::UniqueFd socket(::socket(family.domain, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  if (!socket) throw base::SystemError("open", "a raw socket", errno);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (const auto entries = read_table(socket.get(), family, table))
      return entries->find(chain + '\0') != std::string::npos;
  }
  throw base::SystemError("read", "table " + table, EAGAIN);
}

std::string find_program(const std::string& name) {
  for (const char* directory : {"/usr/sbin/", "/sbin/", "/usr/local/sbin/", "/usr/bin/"}) {
    std::string path = directory + name;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

// Where there is but one iptables, its programs have the short names.
std::string run(const Family& family, const std::string& action, std::string_view input,
                const std::vector<std::string>& arguments) {
  constexpr cni::Limits kLimits = {.patience = std::chrono::seconds(30),
                                   .output = std::size_t{64} << 20};
  const std::string name = std::string(family.program) + "-legacy-" + action;
  std::string path = find_program(name);
  if (path.empty()) path = find_program(std::string(family.program) + "-" + action);
  if (path.empty()) {
    throw cni::Error(cni::Code::kKernel,
                     "legacy iptables has rules that the reference plugin made for this "
                     "attachment, and there is no " +
                         name + " to remove them with; install iptables");
  }
  const auto outcome =
      cni::run_child(path, {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, input, kLimits, arguments);
  if (outcome.end != cni::Outcome::End::kExited || outcome.number != 0)
    throw cni::Error(cni::Code::kKernel, path + " failed to remove rules of this attachment");
  return outcome.output;
}

void remove_rules(const std::string& table, const std::string& chain,
                  const std::function<bool(std::string_view)>& is_due, const std::string& emptied) {
  for (const Family& family : kFamilies) {
    if (!has_chain(family, table, chain)) continue;
    const std::string saved = run(family, "save", "", {"-t", table});
    const std::string script = removal_script(saved, table, is_due, emptied);
    if (!script.empty()) (void)run(family, "restore", script, {"--noflush", "--wait"});
  }
}

bool has_part(std::string_view rule, std::string_view part) {
  const auto at = rule.find(part);
  if (at == std::string_view::npos) return false;
  const auto end = at + part.size();
  return end == rule.size() || rule[end] == ' ';
}

bool names(std::string_view rule, std::string_view option, const Addresses& addresses) {
  return std::any_of(addresses.begin(), addresses.end(), [&](const base::IpAddress& address) {
    const std::string part = std::string(option) + address.to_string();
    return has_part(rule, part + (address.is_v4() ? "/32" : "/128"));
  });
}

}  // namespace

std::string removal_script(std::string_view saved, std::string_view table,
                           const std::function<bool(std::string_view rule)>& is_due,
                           const std::string& emptied) {
  std::string deletions;
  bool is_needed = false;
  while (!saved.empty()) {
    const std::string_view line = saved.substr(0, saved.find('\n'));
    saved.remove_prefix(std::min(line.size() + 1, saved.size()));
    if (!line.starts_with("-A ")) continue;
    if (is_due(line))
      deletions += "-D" + std::string(line.substr(2)) + "\n";
    else if (!emptied.empty() && has_part(line, " -j " + emptied))
      is_needed = true;
  }
  if (!emptied.empty() && !is_needed) deletions += "-F " + emptied + "\n-X " + emptied + "\n";
  if (deletions.empty()) return {};
  return "*" + std::string(table) + "\n" + deletions + "COMMIT\n";
}

void remove_legacy_chain(const std::string& chain, const std::string& entry,
                         const std::function<Addresses()>& find_others) {
  std::optional<Addresses> others;
  remove_rules(
      "nat", chain,
      [&](std::string_view rule) {
        if (!rule.starts_with("-A " + entry + " ") || !has_part(rule, " -j " + chain)) return false;
        if (!others) others = find_others();
        const bool has_source = rule.find(" -s ") != std::string_view::npos;
        return has_source ? !names(rule, " -s ", *others) : others->empty();
      },
      chain);
}

void remove_legacy_acceptance(const std::string& chain, const Addresses& addresses) {
  remove_rules(
      "filter", chain,
      [&](std::string_view rule) {
        return rule.starts_with("-A " + chain + " ") && has_part(rule, " -j ACCEPT") &&
               (names(rule, " -s ", addresses) != names(rule, " -d ", addresses));
      },
      "");
}

}  // namespace migration
