#include "plugin/lease/resolv_conf.h"

#include "catch2_any.h"

TEST_CASE("resolv.conf is read line by line, the last search and domain count, options add up") {
  const auto dns = lease::parse_resolv_conf(
      "# comment\n; comment\nnameserver 192.0.2.1\nnameserver\t2001:db8::1  \ndomain "
      "a.example\ndomain b.example\n"
      "search x y\nsearch z\noptions ndots:2\noptions edns0 trust-ad\nnameserver\nunknown word\n");
  CHECK(dns.nameservers == std::vector<std::string>{"192.0.2.1", "2001:db8::1"});
  CHECK(dns.domain == "b.example");
  CHECK(dns.search == std::vector<std::string>{"z"});
  CHECK(dns.options == std::vector<std::string>{"ndots:2", "edns0", "trust-ad"});
}

TEST_CASE("an empty or endless resolv.conf is no trouble") {
  CHECK(lease::parse_resolv_conf("").empty());
  CHECK(lease::parse_resolv_conf("\n\n \r\n").empty());
  CHECK(lease::parse_resolv_conf("nameserver 192.0.2.1").nameservers.size() == 1);
}
