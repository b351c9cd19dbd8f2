#include <catch2_any.h>

#include "netlink_fixture.h"
#include "plugin/ruleset/foreign.h"

TEST_CASE("a FORWARD chain of others that drops is found by its policy") {
  FakeHost host;
  netlink::Socket netfilter(netlink::Protocol::kNetfilter);
  CHECK(ruleset::find_dropping_chains(netfilter).empty());
  host.sh("nft add table ip filter");
  host.sh("nft add chain ip filter FORWARD '{ type filter hook forward priority 0; }'");
  CHECK(ruleset::find_dropping_chains(netfilter).empty());
  host.sh("nft add chain ip filter FORWARD '{ policy drop; }'");
  CHECK(ruleset::find_dropping_chains(netfilter) == std::vector<std::string>{"ip filter FORWARD"});
}
