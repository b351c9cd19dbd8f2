#include <cerrno>
#include <string>

#include <catch2_any.h>
#include <linux/ip.h>

#include "netlink/bridge.h"
#include "netlink/link.h"
#include "netlink/monitor.h"
#include "netlink/veth.h"
#include "netlink_fixture.h"

TEST_CASE("a link is found by its name, by its index, or not at all") {
  Pair pair;
  const auto by_name = netlink::find_link(pair.host.socket(), "v0");
  REQUIRE(by_name);
  const auto by_index = netlink::find_link(pair.host.socket(), by_name->index);
  REQUIRE(by_index);
  CHECK(by_index->name == "v0");
  CHECK_FALSE(netlink::find_link(pair.host.socket(), "eth0"));
  CHECK_FALSE(netlink::find_link(pair.host.socket(), 4711));
  CHECK_FALSE(netlink::find_link(pair.host.socket(), 0));
  CHECK_FALSE(netlink::find_link(pair.host.socket(), ""));
  CHECK_FALSE(netlink::find_link(pair.host.socket(), "a-name-of-16-byt"));
}

TEST_CASE("an alternative name is no name") {
  Pair pair;
  pair.host.sh("ip link property add dev v0 altname other");
  CHECK_FALSE(netlink::find_link(pair.host.socket(), "other"));
}

TEST_CASE("one change sets flags, alias, addresses and IPv4 settings by name") {
  Pair pair;
  netlink::change_link(pair.host.socket(), "v0",
                       {.up = true,
                        .promiscuous = true,
                        .alias = "patchcord:net/id/eth0",
                        .mac = mac("0a:00:00:00:00:0a"),
                        .mtu = 1280,
                        .ipv4 = {{IPV4_DEVCONF_PROXY_ARP, 1},
                                 {IPV4_DEVCONF_FORWARDING, 1},
                                 {IPV4_DEVCONF_RP_FILTER, 2},
                                 {IPV4_DEVCONF_ROUTE_LOCALNET, 1},
                                 {IPV4_DEVCONF_ARP_NOTIFY, 1}}});
  const auto link = pair.host.link("v0");
  CHECK(link.is_up());
  CHECK(link.is_promiscuous());
  CHECK(link.promiscuity == 1);
  CHECK(link.alias == "patchcord:net/id/eth0");
  CHECK(link.mac == mac("0a:00:00:00:00:0a"));
  CHECK(link.mtu == 1280);

  const std::string directory = "net/ipv4/conf/v0/";
  CHECK(pair.host.sysctl(directory + "proxy_arp") == "1");
  CHECK(pair.host.sysctl(directory + "forwarding") == "1");
  CHECK(pair.host.sysctl(directory + "rp_filter") == "2");
  CHECK(pair.host.sysctl(directory + "route_localnet") == "1");
  CHECK(pair.host.sysctl(directory + "arp_notify") == "1");
  CHECK(pair.host.sysctl("net/ipv4/conf/lo/proxy_arp") == "0");

  const auto settings = netlink::ipv4_settings(pair.host.socket(), link.index);
  REQUIRE(settings.size() >= IPV4_DEVCONF_ROUTE_LOCALNET);
  CHECK(settings[IPV4_DEVCONF_PROXY_ARP - 1] == 1);
  CHECK(settings[IPV4_DEVCONF_RP_FILTER - 1] == 2);
  CHECK(settings[IPV4_DEVCONF_MC_FORWARDING - 1] == 0);
}

TEST_CASE("a change leaves alone what it does not name") {
  Pair pair;
  netlink::change_link(pair.host.socket(), pair.v0,
                       {.up = true, .promiscuous = true, .alias = "x"});
  netlink::change_link(pair.host.socket(), pair.v0, {.promiscuous = false});
  const auto link = pair.host.link("v0");
  CHECK(link.is_up());
  CHECK_FALSE(link.is_promiscuous());
  CHECK(link.alias == "x");
  CHECK(link.mac == pair.v0.mac);
}

TEST_CASE("an alias has up to 255 bytes, and an empty one takes it away") {
  Pair pair;
  const std::string longest(255, 'x');
  netlink::change_link(pair.host.socket(), pair.v0, {.alias = longest});
  CHECK(pair.host.link("v0").alias == longest);
  CHECK(error_of([&] {
          netlink::change_link(pair.host.socket(), pair.v0, {.alias = longest + "x"});
        }) == ERANGE);
  netlink::change_link(pair.host.socket(), pair.v0, {.alias = ""});
  CHECK(pair.host.link("v0").alias.empty());
}

TEST_CASE("a link joins and leaves a master") {
  Pair pair;
  REQUIRE(
      netlink::create_bridge(pair.host.socket(), {.name = "br0", .mac = mac("0a:00:00:00:00:09")}));
  const auto bridge = pair.host.link("br0");
  netlink::change_link(pair.host.socket(), pair.v0, {.master = bridge.index});
  const auto ports = netlink::ports_of(pair.host.socket(), bridge.index);
  REQUIRE(ports.size() == 1);
  CHECK(ports[0].name == "v0");
  netlink::change_link(pair.host.socket(), pair.v0, {.master = 0});
  CHECK(netlink::ports_of(pair.host.socket(), bridge.index).empty());
  CHECK(netlink::all_links(pair.host.socket()).size() == 3);
  CHECK(netlink::ports_of(pair.host.socket(), 4711).empty());
}

TEST_CASE("a change of a link that is gone is refused with ENODEV") {
  Pair pair;
  CHECK(error_of([&] { netlink::change_link(pair.host.socket(), "none", {.up = true}); }) ==
        ENODEV);
  REQUIRE(netlink::delete_link(pair.host.socket(), "v0"));
  CHECK(error_of([&] { netlink::change_link(pair.host.socket(), pair.v0, {.up = true}); }) ==
        ENODEV);
}

TEST_CASE("deleting one end of a pair takes the other with it, and again is no error") {
  Pair pair;
  const bool by_name = GENERATE(true, false);
  const auto remove = [&] {
    return by_name ? netlink::delete_link(pair.host.socket(), "v0")
                   : netlink::delete_link(pair.host.socket(), pair.v0.index, "v0");
  };
  CHECK(remove());
  CHECK_FALSE(pair.pod.has_link("eth0"));
  CHECK_FALSE(remove());
  CHECK(netlink::ipv4_settings(pair.host.socket(), pair.v0.index).empty());
}

TEST_CASE("links that are deleted together go, and no others") {
  FakeHost host;
  FakeContainer& pod = host.add_container();
  std::vector<int> indexes;
  for (int number = 0; number < 300; ++number) {  // more than are deleted at a time
    const auto near =
        netlink::create_veth(host.socket(), {.near = {.name = "v" + std::to_string(number)},
                                             .far = {.name = "e" + std::to_string(number)},
                                             .far_namespace = pod.netns().fd()});
    indexes.push_back(near.value().index);
  }
  const int spared = indexes.back();
  indexes.pop_back();
  REQUIRE(netlink::delete_link(host.socket(), indexes.front(), "v0"));  // gone already
  netlink::delete_links(host.socket(), indexes);
  std::vector<std::string> left;
  for (const auto& link : netlink::all_links(host.socket()))
    if (link.kind == "veth") left.push_back(link.name);
  CHECK(left == std::vector<std::string>{"v299"});
  CHECK(netlink::find_link(host.socket(), spared));
  netlink::delete_links(host.socket(), {});
  netlink::delete_links(host.socket(), indexes);
  CHECK(netlink::find_link(host.socket(), spared));
}

TEST_CASE("a name that no link can have is not there to delete") {
  FakeHost host;
  CHECK_FALSE(netlink::delete_link(host.socket(), "a-name-of-16-byt"));
  CHECK_FALSE(netlink::delete_link(host.socket(), ""));
}

TEST_CASE("a link that the kernel does not let go is reported") {
  FakeHost host;
  CHECK(error_of([&] { (void)netlink::delete_link(host.socket(), "lo"); }) == EOPNOTSUPP);
}

TEST_CASE("the other end of a pair is found from either end") {
  Pair pair;
  const auto far = netlink::find_peer(pair.host.socket(), pair.v0);
  REQUIRE(far);
  CHECK(far->name == "eth0");
  CHECK(far->mac == pair.eth0.mac);
  const auto near = netlink::find_peer(pair.pod.socket(), pair.eth0);
  REQUIRE(near);
  CHECK(near->name == "v0");
}

TEST_CASE("the other end of a pair is found in the same namespace, and a lone link has none") {
  FakeHost host;
  host.sh("ip link add v0 type veth peer name v1 && ip link add br0 type bridge");
  const auto other = netlink::find_peer(host.socket(), host.link("v0"));
  REQUIRE(other);
  CHECK(other->name == "v1");
  CHECK_FALSE(netlink::find_peer(host.socket(), host.link("br0")));
  CHECK_FALSE(netlink::find_peer(host.socket(), host.link("lo")));
}

TEST_CASE("an end whose container is gone has no other end") {
  FakeHost host;
  netlink::Monitor monitor(host.netns(), host.netns());
  netlink::Link near;
  {
    FakeNamespace pod(host.directory() + "/short-lived");
    netlink::create_veth(
        host.socket(),
        {.near = {.name = "v0"}, .far = {.name = "eth0"}, .far_namespace = pod.netns().fd()});
    near = host.link("v0");
    CHECK(netlink::find_peer(host.socket(), near));
  }
  // The container's own socket keeps the namespace until an RCU grace period is over; afterwards
  // the kernel takes the pair down.
  CHECK(monitor.wait_until([&] { return !netlink::find_peer(host.socket(), near); },
                           std::chrono::seconds(300)));
}
