#include <cerrno>

#include <catch2_any.h>

#include "netlink/bridge.h"
#include "netlink_fixture.h"

namespace {
const netlink::BridgeSpec kBridge = {.name = "br0", .mac = base::MacAddress({0x0a, 0, 0, 0, 0, 9})};
}  // namespace

TEST_CASE("a bridge is born down, with its MAC and MTU") {
  FakeHost host;
  netlink::BridgeSpec spec = kBridge;
  spec.mtu = 1400;
  CHECK(netlink::create_bridge(host.socket(), spec));
  const auto bridge = host.link("br0");
  CHECK(bridge.kind == "bridge");
  CHECK(bridge.mac == spec.mac);
  CHECK(bridge.mtu == 1400);
  CHECK_FALSE(bridge.is_up());
  CHECK_FALSE(bridge.vlan_filtering);
  CHECK_FALSE(bridge.bridge_port);
}

TEST_CASE("a bridge of a taken name is not made") {
  FakeHost host;
  CHECK(netlink::create_bridge(host.socket(), kBridge));
  const int index = host.link("br0").index;
  CHECK_FALSE(netlink::create_bridge(host.socket(), kBridge));
  CHECK(host.link("br0").index == index);
}

TEST_CASE("a bridge keeps its MAC when a port with a lower one comes and goes") {
  Pair pair;
  REQUIRE(netlink::create_bridge(pair.host.socket(), kBridge));
  const auto bridge = pair.host.link("br0");
  netlink::change_link(pair.host.socket(), pair.v0, {.mac = mac("02:00:00:00:00:01")});
  netlink::change_link(pair.host.socket(), pair.v0, {.up = true, .master = bridge.index});
  CHECK(pair.host.link("br0").mac == kBridge.mac);
  // 3 is NET_ADDR_SET. A sysfs shows the namespace that it was mounted in.
  CHECK(pair.host.sh("unshare -m sh -c 'mount -t sysfs none /sys && "
                     "cat /sys/class/net/br0/addr_assign_type'") == "3");
  netlink::change_link(pair.host.socket(), pair.v0, {.master = 0});
  CHECK(pair.host.link("br0").mac == kBridge.mac);
}

TEST_CASE("a bridge's MTU follows its ports") {
  Pair pair;
  netlink::BridgeSpec spec = kBridge;
  spec.mtu = 1400;
  REQUIRE(netlink::create_bridge(pair.host.socket(), spec));
  netlink::change_link(pair.host.socket(), pair.v0, {.master = pair.host.link("br0").index});
  CHECK(pair.host.link("br0").mtu == 1500);
}

TEST_CASE("a port's hairpin and isolation are set together") {
  const bool hairpin = GENERATE(false, true);
  const bool isolated = GENERATE(false, true);
  Pair pair;
  REQUIRE(netlink::create_bridge(pair.host.socket(), kBridge));
  netlink::change_link(pair.host.socket(), pair.v0, {.master = pair.host.link("br0").index});
  const netlink::BridgePortFlags flags = {.hairpin = hairpin, .isolated = isolated};
  netlink::set_bridge_port(pair.host.socket(), pair.v0,
                           {.hairpin = !hairpin, .isolated = !isolated});
  netlink::set_bridge_port(pair.host.socket(), pair.v0, flags);
  CHECK(pair.host.link("v0").bridge_port == flags);
  const auto shown = pair.host.ip("link show v0")[0]["linkinfo"]["info_slave_data"];
  CHECK(shown["hairpin"] == hairpin);
  CHECK(shown["isolated"] == isolated);
}

TEST_CASE("a link that is no bridge port takes no port flags") {
  Pair pair;
  CHECK(error_of([&] {
          netlink::set_bridge_port(pair.host.socket(), pair.v0, {.hairpin = true});
        }) == EOPNOTSUPP);
}

TEST_CASE("a bridge with VLAN filtering is made so, or not at all") {
  FakeHost host;
  netlink::BridgeSpec spec = kBridge;
  spec.vlan_filtering = true;
  const int code = error_of([&] { (void)netlink::create_bridge(host.socket(), spec); });
  if (code == 0) {
    CHECK(host.link("br0").vlan_filtering);
  } else {
    CHECK(code == EOPNOTSUPP);  // a kernel without CONFIG_BRIDGE_VLAN_FILTERING
    CHECK_FALSE(host.has_link("br0"));
  }
}

TEST_CASE("a bridge takes no MAC that a device cannot have") {
  FakeHost host;
  netlink::BridgeSpec spec = kBridge;
  spec.mac = GENERATE(base::MacAddress(), base::MacAddress({1, 0, 0, 0, 0, 1}));
  CHECK(error_of([&] { (void)netlink::create_bridge(host.socket(), spec); }) == EADDRNOTAVAIL);
}
