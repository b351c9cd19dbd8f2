#include <cerrno>
#include <functional>

#include <catch2_any.h>
#include <fcntl.h>

#include "netlink/bridge.h"
#include "netlink/veth.h"
#include "netlink_fixture.h"

namespace {

netlink::VethSpec spec_into(const FakeContainer& pod) {
  return {.near = {.name = "v1"}, .far = {.name = "eth1"}, .far_namespace = pod.netns().fd()};
}

}  // namespace

TEST_CASE("one request makes both ends of a veth pair with all they need") {
  FakeHost host;
  FakeContainer& pod = host.add_container();
  REQUIRE(netlink::create_bridge(host.socket(), {.name = "br0", .mac = mac("0a:00:00:00:00:09")}));
  const int bridge = host.link("br0").index;

  const auto made =
      netlink::create_veth(host.socket(), {.near = {.name = "v0", .mac = mac("0a:00:00:00:00:01")},
                                           .far = {.name = "eth0", .mac = mac("0a:00:00:00:00:02")},
                                           .far_namespace = pod.netns().fd(),
                                           .mtu = 1400,
                                           .master = bridge});

  const auto near = host.link("v0");
  REQUIRE(made);
  CHECK(made->name == "v0");
  CHECK(made->index == near.index);
  CHECK(made->peer == near.peer);
  CHECK(host.ip("-d link show v0")[0]["num_tx_queues"] == 1);
  CHECK(host.ip("-d link show v0")[0]["num_rx_queues"] == 1);
  const auto far = pod.link("eth0");
  CHECK(near.kind == "veth");
  CHECK(far.kind == "veth");
  CHECK(near.mac == mac("0a:00:00:00:00:01"));
  CHECK(far.mac == mac("0a:00:00:00:00:02"));
  CHECK(near.mtu == 1400);
  CHECK(far.mtu == 1400);
  CHECK(near.master == bridge);
  CHECK(near.bridge_port == netlink::BridgePortFlags{});
  CHECK(far.master == 0);
  CHECK_FALSE(near.is_up());
  CHECK_FALSE(far.is_up());
  CHECK(near.peer == far.index);
  CHECK(far.peer == near.index);
  CHECK(near.peer_nsid.has_value());
  CHECK(host.ip("link show v0")[0]["master"] == "br0");
}

TEST_CASE("without a MAC or MTU a veth pair gets the kernel's") {
  Pair pair;
  CHECK(pair.v0.mac.value().is_usable());
  CHECK(pair.eth0.mac.value().is_usable());
  CHECK(pair.v0.mac != pair.eth0.mac);
  CHECK(pair.v0.mtu == 1500);
  CHECK(pair.eth0.mtu == 1500);
  CHECK(pair.v0.master == 0);
}

TEST_CASE("a veth pair that cannot be made leaves neither end behind") {
  struct Case {
    const char* what;
    int code;
    std::function<void(netlink::VethSpec&)> spoil;
  };
  const auto sample = GENERATE(values<Case>({
      {"near name taken", EEXIST, [](auto& spec) { spec.near.name = "v0"; }},
      {"far name taken", EEXIST, [](auto& spec) { spec.far.name = "eth0"; }},
      {"near name too long", ERANGE, [](auto& spec) { spec.near.name = "v234567890123456"; }},
      {"far name too long", ERANGE, [](auto& spec) { spec.far.name = "v234567890123456"; }},
      {"illegal near name", EINVAL, [](auto& spec) { spec.near.name = "v/1"; }},
      {"illegal far name", EINVAL, [](auto& spec) { spec.far.name = "e:1"; }},
      {"master gone", EINVAL, [](auto& spec) { spec.master = 4711; }},
      {"master without ports", EOPNOTSUPP, [](auto& spec) { spec.master = 1; }},
      {"MTU too big", EINVAL, [](auto& spec) { spec.mtu = 65536; }},
      {"MTU too small", EINVAL, [](auto& spec) { spec.mtu = 67; }},
      {"no descriptor", EBADF, [](auto& spec) { spec.far_namespace = 4711; }},
      {"multicast MAC", EADDRNOTAVAIL,
       [](auto& spec) { spec.near.mac = mac("01:00:00:00:00:01"); }},
      {"zero MAC", EADDRNOTAVAIL, [](auto& spec) { spec.far.mac = base::MacAddress(); }},
  }));
  CAPTURE(sample.what);
  Pair pair;
  netlink::VethSpec spec = spec_into(pair.pod);
  sample.spoil(spec);
  CHECK(error_of([&] { netlink::create_veth(pair.host.socket(), spec); }) == sample.code);
  CHECK(netlink::all_links(pair.host.socket()).size() == 2);  // with lo
  CHECK(netlink::all_links(pair.pod.socket()).size() == 2);
}

TEST_CASE("a descriptor that is no namespace is refused") {
  Pair pair;
  const base::UniqueFd other(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  netlink::VethSpec spec = spec_into(pair.pod);
  spec.far_namespace = other.get();
  CHECK(error_of([&] { netlink::create_veth(pair.host.socket(), spec); }) == EINVAL);
}

TEST_CASE("a bridge that has all its ports is told by EXFULL") {
  constexpr int kPorts = 1023;  // BR_MAX_PORTS less the number 0
  FakeHost host;
  FakeContainer& pod = host.add_container();
  REQUIRE(netlink::create_bridge(host.socket(), {.name = "br0", .mac = mac("0a:00:00:00:00:09")}));
  netlink::VethSpec spec = spec_into(pod);
  spec.master = host.link("br0").index;
  const auto create = [&](int number) {
    spec.near.name = "v" + std::to_string(number);
    spec.far.name = "e" + std::to_string(number);
    netlink::create_veth(host.socket(), spec);
  };
  for (int i = 0; i < kPorts; ++i) create(i);
  CHECK(error_of([&] { create(kPorts); }) == EXFULL);
  CHECK_FALSE(host.has_link("v1023"));
  CHECK_FALSE(pod.has_link("e1023"));
}
