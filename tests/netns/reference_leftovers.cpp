#include "plugin/migration/reference_leftovers.h"

#include <catch2_any.h>

#include "base/digest.h"
#include "netlink/link.h"
#include "netlink_fixture.h"

namespace {

const attachment::Key kKey = {.network = "net", .container_id = "c1", .ifname = "eth0"};

base::IpAddress address(const char* text) {
  return base::IpAddress::parse(text).value();
}

// Runs Debian's portmap or firewall for a container with that id and addresses .2 of both families.
void add_by_reference(const FakeHost& host, FakeContainer& container, const std::string& type,
                      const std::string& id, const std::string& last, const std::string& keys,
                      const std::string& environment = "") {
  const std::string result = R"({"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":")" +
                             container.path() + R"("}],"ips":[{"address":"10.77.0.)" + last +
                             R"(/24","interface":0},{"address":"fd00:77::)" + last +
                             R"(/64","interface":0}]})";
  host.sh("echo '{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"type\":\"" + type + "\"," + keys +
          "\"prevResult\":" + result + "}' | " + environment +
          " CNI_COMMAND=ADD CNI_CONTAINERID=" + id +
          " CNI_IFNAME=eth0 CNI_PATH=/ CNI_NETNS=" + container.path() + " /usr/lib/cni/" + type);
}

std::string ports(const std::string& port) {
  return R"("runtimeConfig":{"portMappings":[{"hostPort":)" + port +
         R"(,"containerPort":80,"protocol":"tcp"},{"hostPort":)" + port +
         R"(,"containerPort":53,"protocol":"udp"}]},)";
}

std::string rules(const FakeHost& host) {
  return host.sh("nft list ruleset");
}

// Through this PATH the reference finds the legacy iptables.
std::string legacy_path(const FakeHost& host) {
  const std::string directory = host.directory() + "/legacy";
  host.sh("mkdir " + directory +
          " && for name in iptables ip6tables; do ln -s "
          "/usr/sbin/xtables-legacy-multi " +
          directory + "/$name; done");
  return "PATH=" + directory + ":$PATH";
}

std::string legacy_rules(const FakeHost& host) {
  return host.sh("{ iptables-legacy-save; ip6tables-legacy-save; } | sed '/^#/d; s/ \\[.*\\]//'");
}

}  // namespace

TEST_CASE("port mappings of the reference go, and those of another container stay") {
  FakeHost host;
  FakeContainer& pod = host.add_container();
  add_by_reference(host, pod, "portmap", "c2", "3", ports("8081"));
  const std::string before = rules(host);
  add_by_reference(host, pod, "portmap", "c1", "2", ports("8080"));
  REQUIRE(rules(host) != before);
  migration::remove_reference_ports(kKey, {}, migration::no_others());
  CHECK(rules(host) == before);
  migration::remove_reference_ports(kKey, {}, migration::no_others());
  CHECK(rules(host) == before);
}

TEST_CASE("so do those that it made with the legacy iptables") {
  FakeHost host;
  FakeContainer& pod = host.add_container();
  const std::string path = legacy_path(host);
  add_by_reference(host, pod, "portmap", "c2", "3", ports("8081"), path);
  const std::string before = legacy_rules(host);
  add_by_reference(host, pod, "portmap", "c1", "2", ports("8080"), path);
  REQUIRE(legacy_rules(host) != before);
  migration::remove_reference_ports(kKey, {}, migration::no_others());
  CHECK(legacy_rules(host) == before);
}

TEST_CASE("port mappings in nftables of newer references are told by container and address") {
  FakeHost host;
  const auto add = [&](const std::string& chain, const std::string& rule, const std::string& id) {
    host.sh("nft 'add rule ip cni_hostport " + chain + " " + rule + " comment \"" + id + "\"'");
  };
  host.sh(
      "nft 'add table ip cni_hostport; add chain ip cni_hostport hostports; add chain ip "
      "cni_hostport hostip_hostports; add chain ip cni_hostport masquerading { type nat hook "
      "postrouting priority srcnat; }'");
  add("hostports", "tcp dport 8081 dnat to 10.77.0.3:80", "c2");
  add("hostports", "tcp dport 8082 dnat to 10.78.0.2:80", "c1");  // of its other network
  add("masquerading", "ip saddr 10.78.0.2 ip daddr 10.78.0.2 masquerade", "c1");
  const std::string before = rules(host);
  add("hostports", "tcp dport 8080 dnat to 10.77.0.2:80", "c1");
  add("hostip_hostports", "ip daddr 192.0.2.1 tcp dport 80 dnat to 10.77.0.2:80", "c1");
  add("masquerading", "ip saddr 10.77.0.2 ip daddr 10.77.0.2 masquerade", "c1");
  add("masquerading", "ip saddr 127.0.0.1 ip daddr 10.77.0.2 masquerade", "c1");
  migration::remove_reference_ports(kKey, {address("10.77.0.2")}, migration::no_others());
  CHECK(rules(host) == before);
  migration::remove_reference_ports(kKey, {}, migration::no_others());
  CHECK(rules(host).find("8082") == std::string::npos);
  CHECK(rules(host).find("8081") != std::string::npos);
}

TEST_CASE("acceptance by the reference's firewall goes with the addresses") {
  FakeHost host;
  FakeContainer& pod = host.add_container();
  add_by_reference(host, pod, "firewall", "c2", "3", R"("backend":"iptables",)");
  host.sh(
      "iptables -A CNI-FORWARD -s 10.77.0.2 -j DROP && "
      "iptables -A CNI-FORWARD -s 10.77.0.2 -d 10.77.0.3 -j ACCEPT");
  const std::string before = rules(host);
  add_by_reference(host, pod, "firewall", "c1", "2", R"("backend":"iptables",)");
  REQUIRE(rules(host) != before);
  migration::remove_reference_firewall({address("10.77.0.2"), address("fd00:77::2")});
  CHECK(rules(host) == before);
}

TEST_CASE("so does that in the legacy iptables") {
  FakeHost host;
  FakeContainer& pod = host.add_container();
  const std::string path = legacy_path(host);
  add_by_reference(host, pod, "firewall", "c2", "3", R"("backend":"iptables",)", path);
  const std::string before = legacy_rules(host);
  add_by_reference(host, pod, "firewall", "c1", "2", R"("backend":"iptables",)", path);
  REQUIRE(legacy_rules(host) != before);
  migration::remove_reference_firewall({address("10.77.0.2"), address("fd00:77::2")});
  CHECK(legacy_rules(host) == before);
}

TEST_CASE("what may be for another interface of the container stays with it") {
  FakeHost host;
  FakeContainer& pod = host.add_container();
  const auto others = [] { return std::vector{address("10.77.0.9")}; };
  add_by_reference(host, pod, "portmap", "c1", "2", ports("8080"));
  const std::string path = legacy_path(host);
  add_by_reference(host, pod, "portmap", "c1", "2", ports("8080"), path);
  const std::string before = rules(host) + legacy_rules(host);
  migration::remove_reference_ports(kKey, {address("10.77.0.2")}, others);
  CHECK(rules(host) + legacy_rules(host) == before);
  migration::remove_reference_ports(kKey, {address("10.77.0.2")}, migration::no_others());
  CHECK((rules(host) + legacy_rules(host)).find("CNI-DN-") == std::string::npos);
}

TEST_CASE("the reference's ifb goes, but not one with a name of its own that is of another kind") {
  FakeHost host;
  const std::string name = "bwp" + base::sha512_hex("netc1", 12);
  const auto others = [] { return std::vector{address("10.77.0.9")}; };
  host.sh("ip link add " + name + " type ifb");
  migration::remove_reference_ifb(host.socket(), kKey, others);
  REQUIRE(netlink::find_link(host.socket(), name));
  host.sh("ip link set " + name + " alias ours");
  migration::remove_reference_ifb(host.socket(), kKey, migration::no_others());
  REQUIRE(netlink::find_link(host.socket(), name));
  host.sh("ip link set " + name + " alias ''");
  migration::remove_reference_ifb(host.socket(), kKey, migration::no_others());
  CHECK_FALSE(netlink::find_link(host.socket(), name));
  host.sh("ip link add " + name + " type bridge");
  migration::remove_reference_ifb(host.socket(), kKey, migration::no_others());
  CHECK(netlink::find_link(host.socket(), name));
}

TEST_CASE("looking for what the reference left makes no table") {
  FakeHost host;
  migration::remove_reference_ports(kKey, {}, migration::no_others());
  migration::remove_reference_firewall({address("10.77.0.2")});
  migration::remove_reference_masquerade(kKey, [] { return std::vector<base::IpAddress>(); });
  migration::remove_reference_antispoof(kKey);
  CHECK(rules(host).empty());
  CHECK(host.sh("cat /proc/net/ip_tables_names /proc/net/ip6_tables_names").empty());
}
