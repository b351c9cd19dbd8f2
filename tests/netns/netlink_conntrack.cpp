#include <array>
#include <string>

#include <catch2_any.h>

#include "netlink/conntrack.h"
#include "netlink_fixture.h"

namespace {

/// A host whose UDP packets to itself are tracked. (Without a rule that asks for it, none is.)
struct TrackingHost : FakeHost {
  TrackingHost() {
    sh("nft 'table inet t { map ports { type inet_service : inet_service; elements = { 53 : 5353 "
       "}; };"
       " chain track { type filter hook output priority 0; ct state new counter; };"
       " chain output { type nat hook output priority -100;"
       " udp dport @translated dnat ip to 127.0.0.1:udp dport map @ports; };"
       " set translated { type inet_service; elements = { 53 }; }; }'");
  }

  void send(const std::string& target, int port) {
    const std::string family = target.find(':') == std::string::npos ? "2" : "10";
    sh("/usr/bin/python3 -c 'import socket; s = socket.socket(" + family +
       ", 2); s.sendto(b\"x\", (\"" + target + "\", " + std::to_string(port) + "))'");
  }

  int flows() { return std::stoi(sh("grep -c . /proc/net/nf_conntrack || true")); }
};

bool all(const netlink::UdpFlow&) {
  return true;
}

std::size_t forget(base::Family family, std::initializer_list<std::uint16_t> ports,
                   const std::function<bool(const netlink::UdpFlow&)>& concerns = all) {
  return netlink::forget_udp_flows(family, std::vector(ports), concerns);
}

}  // namespace

TEST_CASE("only flows to the given ports, of the given family, are forgotten") {
  TrackingHost host;
  for (const int port : {1000, 1001, 1002}) host.send("127.0.0.1", port);
  host.send("::1", 1001);
  REQUIRE(host.flows() == 4);
  CHECK(forget(base::Family::kIpv4, {1001}) == 1);
  CHECK(host.flows() == 3);
  CHECK(forget(base::Family::kIpv4, {1001}) == 0);
  CHECK(forget(base::Family::kIpv4, {}) == 0);
  CHECK(forget(base::Family::kIpv6, {1000, 1001}) == 1);
  // More ports than are asked for one by one.
  CHECK(forget(base::Family::kIpv4, {1, 2, 3, 4, 5, 1002}) == 1);
  CHECK(host.flows() == 1);
}

TEST_CASE("the caller sees each flow's ends, also translated ones, and decides") {
  TrackingHost host;
  host.send("127.0.0.2", 53);
  host.send("127.0.0.3", 53);
  const auto is_first = [](const netlink::UdpFlow& flow) {
    CHECK(flow.responder == address("127.0.0.1"));
    CHECK(flow.responder_port == 5353);
    CHECK(flow.destination_port == 53);
    return flow.destination == address("127.0.0.2");
  };
  CHECK(forget(base::Family::kIpv4, {53}, is_first) == 1);
  CHECK(host.flows() == 1);
}

TEST_CASE("flows of other protocols and of other zones stay") {
  TrackingHost host;
  host.sh(
      "nft 'add chain inet t zone { type filter hook output priority -300; };"
      " add rule inet t zone udp dport 1001 ct zone set 7'");
  host.send("127.0.0.1", 1001);
  host.sh(
      "/usr/bin/python3 -c 'import socket; server = socket.create_server((\"127.0.0.1\", 1001));"
      " socket.create_connection((\"127.0.0.1\", 1001))'");
  REQUIRE(host.flows() == 2);
  CHECK(forget(base::Family::kIpv4, {1001}) == 0);
  CHECK(host.flows() == 2);
}
