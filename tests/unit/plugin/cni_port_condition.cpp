// What portmap's conditions say, in the languages of iptables and nft.
#include <catch2_any.h>

#include "plugin/cni/port_condition.h"

namespace {

using base::Family;
using Words = std::vector<std::string>;

// "?" for what is not understood.
std::string read(const Words& words, Family family) {
  const auto conditions = cni::parse_port_conditions(words, family);
  if (!conditions) return "?";
  std::string text;
  for (const auto& condition : *conditions)
    text += (text.empty() ? "" : "; ") + cni::to_string(condition);
  return text;
}

}  // namespace

TEST_CASE("conditions of either language are the same in nft's words", "[port_condition]") {
  struct Row {
    Words words;
    const char* text;
    Family family = Family::kIpv4;
  };
  const auto row = GENERATE(values<Row>({
      {{}, ""},
      {{"-d", "192.0.2.1/32"}, "ip daddr { 192.0.2.1/32 }"},
      {{"-d", "192.0.2.1"}, "ip daddr { 192.0.2.1/32 }"},
      {{"-d 192.0.2.9/24"}, "ip daddr { 192.0.2.0/24 }"},
      {{"!", "-d", "10.0.0.0/8"}, "ip daddr != { 10.0.0.0/8 }"},
      {{"-d", "!", "10.0.0.0/8"}, "ip daddr != { 10.0.0.0/8 }"},
      {{"--dst", "10.0.0.0/8", "--src", "10.1.0.0/16"},
       "ip daddr { 10.0.0.0/8 }; ip saddr { 10.1.0.0/16 }"},
      {{"-s", "10.1.0.0/16,10.0.0.0/8,192.0.2.1"}, "ip saddr { 10.0.0.0/8, 192.0.2.1/32 }"},
      {{"-i", "eth+"}, "iifname { eth* }"},
      {{"!", "--in-interface", "eth0"}, "iifname != { eth0 }"},
      {{"-m", "addrtype", "--dst-type", "LOCAL", "-i", "eth0"}, "iifname { eth0 }"},
      {{"fib daddr type local"}, ""},
      {{"ip daddr != { 10.0.0.0/8, 192.168.0.0/16 }"},
       "ip daddr != { 10.0.0.0/8, 192.168.0.0/16 }"},
      {{"ip", "saddr", "==", "10.0.0.1"}, "ip saddr { 10.0.0.1/32 }"},
      {{"meta iifname {\"eth0\",eth1}"}, "iifname { eth0, eth1 }"},
      {{"iif", "!=", "lo"}, "iifname != { lo }"},
      {{"-s", "2001:db8::1/64"}, "ip6 saddr { 2001:db8::/64 }", Family::kIpv6},
      {{"ip6 daddr 2001:db8::1"}, "ip6 daddr { 2001:db8::1/128 }", Family::kIpv6},
      {{"-d"}, "?"},
      {{"!"}, "?"},
      {{"-d", ","}, "?"},
      {{"-d", "10.0.0.0/8,"}, "?"},
      {{"-d", "{", "10.0.0.0/8", "}"}, "?"},
      {{"-d", "example.org"}, "?"},
      {{"-d", "2001:db8::1"}, "?"},
      {{"-s", "10.0.0.1"}, "?", Family::kIpv6},
      {{"-i", "eth0*1"}, "?"},
      {{"-i", "+"}, "?"},
      {{"-p", "tcp"}, "?"},
      {{"-d", "10.0.0.1", "-m", "mark", "--mark", "1"}, "?"},
      {{"-m", "addrtype", "--dst-type", "UNICAST"}, "?"},
      {{"ip", "daddr"}, "?"},
      {{"ip daddr 10.0.0.1, 10.0.0.2"}, "?"},
      {{"ip daddr { 10.0.0.1"}, "?"},
      {{"ip daddr 10.0.0.1 }"}, "?"},
      {{"! ip daddr 10.0.0.1"}, "?"},
      {{"ip6 daddr 2001:db8::1"}, "?"},
      {{"ip daddr @set"}, "?"},
  }));
  CAPTURE(row.words);
  const std::string text = read(row.words, row.family);
  CHECK(text == row.text);
}

TEST_CASE("what a record has of a condition is that condition", "[port_condition]") {
  for (const auto& words : {Words{"! -d 10.0.0.0/8,192.0.2.1 -i eth+"}, Words{"! -i eth0"}}) {
    const auto conditions = cni::parse_port_conditions(words, Family::kIpv4);
    REQUIRE(conditions);
    Words texts;
    for (const auto& condition : *conditions) texts.push_back(cni::to_string(condition));
    CHECK(cni::parse_port_conditions(texts, Family::kIpv4) == conditions);
  }
}
