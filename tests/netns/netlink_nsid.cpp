#include <algorithm>

#include <catch2_any.h>

#include "netlink/error.h"
#include "netlink/nsid.h"
#include "netlink/veth.h"
#include "netlink_fixture.h"

TEST_CASE("a namespace is known by a number when a link leads there") {
  Pair pair;
  FakeContainer& stranger = pair.host.add_container();
  const auto number = netlink::find_nsid(pair.host.socket(), pair.pod.netns());
  REQUIRE(number);
  CHECK(number == pair.v0.peer_nsid);
  CHECK_FALSE(netlink::find_nsid(pair.host.socket(), stranger.netns()));
  const auto all = netlink::all_nsids(pair.host.socket());
  CHECK(std::find(all.begin(), all.end(), *number) != all.end());
}

TEST_CASE("links are seen in a namespace by its number") {
  Pair pair;
  const int number = pair.v0.peer_nsid.value();
  const auto inside = netlink::find_link_in(pair.host.socket(), number, pair.eth0.index);
  REQUIRE(inside);
  CHECK(inside->name == "eth0");
  CHECK_FALSE(netlink::find_link_in(pair.host.socket(), number, 999));
  CHECK_FALSE(netlink::find_link_in(pair.host.socket(), number, 0));
  CHECK_FALSE(netlink::find_link_in(pair.host.socket(), 4711, pair.eth0.index));
  const auto links = netlink::all_links_in(pair.host.socket(), number);
  CHECK(std::any_of(links.begin(), links.end(),
                    [](const netlink::Link& link) { return link.name == "eth0"; }));
  CHECK(std::none_of(links.begin(), links.end(),
                     [](const netlink::Link& link) { return link.name == "v0"; }));
  CHECK(netlink::all_links_in(pair.host.socket(), 4711).empty());
}

TEST_CASE("a host end leads to the container that its peer is in, and to no other") {
  FakeHost host;
  FakeContainer& pod = host.add_container();
  FakeContainer& other = host.add_container();
  host.sh("ip link add v0 index 77 type veth peer name eth0 index 78 netns " + pod.path());
  const auto v0 = host.link("v0");
  const auto eth0 = pod.link("eth0");
  const auto leads_to = [&](const FakeNamespace& there, int index) {
    return netlink::leads_to(host.socket(), v0, there.netns(), index);
  };
  CHECK(leads_to(pod, eth0.index));
  CHECK_FALSE(leads_to(pod, eth0.index + 1));
  CHECK_FALSE(leads_to(host, eth0.index));

  // Another one has an interface of the same number, name and MAC, and whose peer's number is that
  // of the host end; known to the host, and unknown.
  const auto imitate = [&] {
    other.sh("ip link add eth0 index " + std::to_string(eth0.index) + " address " +
             eth0.mac->to_string() + " type veth peer name x0 index " + std::to_string(v0.index));
  };
  imitate();
  CHECK_FALSE(leads_to(other, eth0.index));
  other.sh("ip link del eth0");
  REQUIRE(netlink::create_veth(
      host.socket(),
      {.near = {.name = "v1"}, .far = {.name = "eth1"}, .far_namespace = other.netns().fd()}));
  imitate();
  CHECK_FALSE(leads_to(other, eth0.index));
}

TEST_CASE("both ends on the host lead to no container") {
  FakeHost host;
  FakeContainer& stranger = host.add_container();
  host.sh("ip link add v0 type veth peer name v1");
  const auto v0 = host.link("v0");
  CHECK_FALSE(netlink::leads_to(host.socket(), v0, stranger.netns(), host.link("v1").index));
}

TEST_CASE("a namespace's cookie is not given again as its number is") {
  FakeHost host;
  FakeContainer& one = host.add_container();
  FakeContainer& two = host.add_container();
  const auto cookie = one.socket().namespace_cookie();
  if (cookie == 0) return;  // before Linux 5.14
  CHECK(cookie != two.socket().namespace_cookie());
  netlink::NamespaceIdentity was = one.netns().identity();
  CHECK(was == one.netns().identity());
  was.cookie = cookie;
  CHECK(was == one.netns().identity());
  netlink::NamespaceIdentity is = was;
  is.cookie = two.socket().namespace_cookie();
  CHECK_FALSE(was == is);
}
