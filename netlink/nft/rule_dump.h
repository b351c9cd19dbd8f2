#pragma once

// How the rules of a chain are read. Not for other folders.

#include <cerrno>
#include <string>
#include <vector>

#include "netlink/error.h"
#include "netlink/nft/message.h"

namespace netlink::nft {

using RuleAttributes = libnl::Attributes<NFTA_RULE_MAX>;

/// `read` is called with the name and the data of each expression of a rule, in order.
template <typename Read>
void read_expressions(const RuleAttributes& rule, const Read& read) {
  const nlattr* expressions = rule[NFTA_RULE_EXPRESSIONS];
  if (expressions == nullptr) return;
  int rest = nla_len(expressions);
  for (auto* at = static_cast<nlattr*>(nla_data(expressions)); nla_ok(at, rest) != 0;
       at = nla_next(at, &rest)) {
    const libnl::Attributes<NFTA_EXPR_MAX> expression(at);
    read(expression.text(NFTA_EXPR_NAME), expression[NFTA_EXPR_DATA]);
  }
}

/// What `read` makes of each rule of the chain, in order; nothing where there is no such chain.
/// Throws Error.
template <typename Rule>
std::vector<Rule> dump_rules(Socket& socket, const Table& table, const std::string& chain,
                             Rule (*read)(const RuleAttributes& rule)) {
  const Message request = make_request(NFT_MSG_GETRULE, 0, table.family);
  libnl::put(request.get(), NFTA_RULE_TABLE, std::string_view(table.name));
  libnl::put(request.get(), NFTA_RULE_CHAIN, std::string_view(chain));
  std::vector<Rule> rules;
  try {
    socket.dump(
        request.get(),
        [&](const nlmsghdr* message) {
          rules.push_back(read(RuleAttributes(message, sizeof(nfgenmsg))));
        },
        [&] { rules.clear(); }, {"list rules of", to_string(table) + " " + chain});
  } catch (const Error& error) {
    if (error.code() != ENOENT) throw;
  }
  return rules;
}

}  // namespace netlink::nft
