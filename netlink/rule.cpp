#include "netlink/rule.h"

#include <array>
#include <cerrno>

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include "netlink/libnl.h"

namespace netlink {
namespace {

using libnl::Attributes;

Message make_request(int type, int flags, int family, std::uint32_t table, std::uint32_t priority) {
  fib_rule_hdr header{};
  header.family = static_cast<std::uint8_t>(family);
  header.action = FR_ACT_TO_TBL;
  Message request = libnl::make_message(type, flags, header);
  libnl::put(request.get(), FRA_TABLE, table);
  libnl::put(request.get(), FRA_PRIORITY, priority);
  return request;
}

Message make_request(int type, int flags, const SourceRule& rule) {
  Message request = make_request(type, flags, libnl::address_family(rule.source.family()),
                                 rule.table, rule.priority);
  auto* header = static_cast<fib_rule_hdr*>(nlmsg_data(nlmsg_hdr(request.get())));
  header->src_len = static_cast<std::uint8_t>(rule.source.bits());
  libnl::put(request.get(), FRA_SRC, rule.source.bytes());
  return request;
}

// What goes by anything but one source address is none.
void read_rule(const nlmsghdr* message, std::vector<SourceRule>& rules) {
  if (message->nlmsg_type != RTM_NEWRULE) return;
  if (nlmsg_valid_hdr(message, static_cast<int>(sizeof(fib_rule_hdr))) == 0) return;
  const auto* header = static_cast<const fib_rule_hdr*>(nlmsg_data(message));
  const Attributes<FRA_MAX> attributes(message, sizeof *header);
  const auto source = libnl::read_ip_address(attributes.bytes(FRA_SRC));
  if (!source || header->src_len != source->bits() || header->action != FR_ACT_TO_TBL) return;
  rules.push_back({.source = *source,
                   .table = attributes.number<std::uint32_t>(FRA_TABLE).value_or(header->table),
                   .priority = attributes.number<std::uint32_t>(FRA_PRIORITY).value_or(0)});
}

}  // namespace

std::string to_string(const SourceRule& rule) {
  return "from " + rule.source.to_string() + " table " + std::to_string(rule.table);
}

bool add_rule(Socket& socket, const SourceRule& rule) {
  const Message request = make_request(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule);
  return socket.try_execute(request.get(), {"add rule", to_string(rule)}, {EEXIST});
}

bool remove_rule(Socket& socket, const SourceRule& rule) {
  const Message request = make_request(RTM_DELRULE, 0, rule);
  return socket.try_execute(request.get(), {"remove rule", to_string(rule)}, {ENOENT});
}

void remove_rules_to(Socket& socket, std::uint32_t table, std::uint32_t priority) {
  for (const int family : {AF_INET, AF_INET6}) {
    const Message request = make_request(RTM_DELRULE, 0, family, table, priority);
    // The last two are those of a kernel that has no such rules.
    while (socket.try_execute(request.get(), {"remove rules to table", std::to_string(table)},
                              {ENOENT, EOPNOTSUPP, EAFNOSUPPORT})) {
    }
  }
}

std::vector<SourceRule> source_rules(Socket& socket) {
  std::vector<SourceRule> rules;
  for (const int family : {AF_INET, AF_INET6}) {
    fib_rule_hdr header{};
    header.family = static_cast<std::uint8_t>(family);
    const Message request = libnl::make_message(RTM_GETRULE, 0, header);
    const std::size_t before = rules.size();
    try {
      socket.dump(
          request.get(), [&](const nlmsghdr* message) { read_rule(message, rules); },
          [&] { rules.resize(before); }, {"list", "routing rules"});
    } catch (const Error& error) {
      if (error.code() != EOPNOTSUPP && error.code() != EAFNOSUPPORT) throw;
    }
  }
  return rules;
}

}  // namespace netlink
