#include "plugin/ruleset/foreign.h"

#include "netlink/nft/query.h"

namespace ruleset {

std::vector<std::string> find_dropping_chains(netlink::Socket& netfilter) {
  using netlink::nft::TableFamily;
  const std::string chain = "FORWARD";
  std::vector<std::string> dropping;
  for (const TableFamily family : {TableFamily::kIpv4, TableFamily::kIpv6}) {
    const netlink::nft::Table table{.family = family, .name = "filter"};
    const auto found = netlink::nft::find_chain(netfilter, table, chain);
    if (found && found->drops) dropping.push_back(to_string(table) + " " + chain);
  }
  return dropping;
}

}  // namespace ruleset
