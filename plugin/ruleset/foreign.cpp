#include "plugin/ruleset/foreign.h"

#include "netlink/nft/query.h"

namespace ruleset {
namespace {

const char* const kChain = "FORWARD";

netlink::nft::Table filter_of(base::Family family) {
  using netlink::nft::TableFamily;
  return {.family = family == base::Family::kIpv4 ? TableFamily::kIpv4 : TableFamily::kIpv6,
          .name = "filter"};
}

}  // namespace

bool drops_forwarded(netlink::Socket& netfilter, base::Family family) {
  const auto found = netlink::nft::find_chain(netfilter, filter_of(family), kChain);
  return found && found->drops;
}

std::vector<std::string> find_dropping_chains(netlink::Socket& netfilter) {
  std::vector<std::string> dropping;
  for (const auto family : {base::Family::kIpv4, base::Family::kIpv6}) {
    if (drops_forwarded(netfilter, family))
      dropping.push_back(to_string(filter_of(family)) + " " + kChain);
  }
  return dropping;
}

}  // namespace ruleset
