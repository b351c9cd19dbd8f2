#include <catch2_any.h>

#include "plugin/cni/error.h"
#include "plugin/config/tuning.h"
#include "request_maker.h"

namespace {

config::Tuning parse(const std::string& rest, const std::string& args = "") {
  return config::parse_tuning(make_request(patchcord_config(R"("type":"tuning")" + rest), args));
}

std::string refused(const std::string& rest, const std::string& args = "") {
  try {
    (void)parse(rest, args);
  } catch (const cni::Error& error) {
    return std::to_string(error.code()) + " " + error.what();
  }
  return "";
}

std::string mac_of(const config::Tuning& tuning) {
  return tuning.link.mac ? tuning.link.mac->to_string() : "";
}

}  // namespace

TEST_CASE("a sysctl's key is a path, of dots or of slashes, in which IFNAME is the interface") {
  struct Row {
    const char* key;
    const char* path;
  };
  const auto row =
      GENERATE(Row{"net.core.somaxconn", "net/core/somaxconn"},
               Row{"net/core/somaxconn", "net/core/somaxconn"},
               Row{"net.ipv4.conf.IFNAME.arp_ignore", "net/ipv4/conf/net.1/arp_ignore"},
               Row{"net/ipv4/conf/IFNAME/arp_ignore", "net/ipv4/conf/net.1/arp_ignore"},
               Row{"net/ipv4/conf/eth0.7/arp_ignore", "net/ipv4/conf/eth0.7/arp_ignore"},
               Row{"net.ipv4.conf.eth0/7.arp_ignore", "net/ipv4/conf/eth0.7/arp_ignore"},
               Row{"net.IFNAME.IFNAME", "net/net.1/IFNAME"});
  CAPTURE(row.key);
  CHECK(config::sysctl_path(row.key, "net.1") == row.path);
}

TEST_CASE("a key that does not lead below net has no path") {
  const std::string key =
      GENERATE("", "net", "net/", "net.", "kernel.shmmax", "net/../kernel/shmmax", "net/./core",
               "net//core", "net..core", "/net/core", "xnet/core", "net/core/", "net/core/..");
  CAPTURE(key);
  CHECK_FALSE(config::sysctl_path(key, "eth0"));
}

TEST_CASE("neither an interface's name nor a zero leads elsewhere") {
  CHECK_FALSE(config::sysctl_path("net/IFNAME/shmmax", ".."));
  CHECK_FALSE(config::sysctl_path(std::string_view("net/core\0/x", 11), "eth0"));
}

TEST_CASE("sysctls are taken verbatim, those of args before the others") {
  const auto tuning = parse(
      R"(,"sysctl":{"net.core.somaxconn":" 7 ","net.ipv4.tcp_sack":"0"},
          "args":{"cni":{"sysctl":{"net/core/somaxconn":"9"}}})");
  CHECK(tuning.sysctls == std::map<std::string, std::string>{{"net/core/somaxconn", "9"},
                                                             {"net/ipv4/tcp_sack", "0"}});
  CHECK(parse(R"(,"args":{"cni":{"sysctl":{"net.core.somaxconn":""}}})").sysctls.size() == 1);
}

TEST_CASE("nothing asked is empty, and so are the values that mean it") {
  CHECK(parse(GENERATE("", R"(,"mtu":0)", R"(,"mac":"")", R"(,"promisc":false)", R"(,"sysctl":{})",
                       R"(,"sysctl":null,"mtu":null,"mac":null,"promisc":null,"allmulti":null)",
                       R"(,"args":{"cni":{}})",
                       R"(,"promisc":true,"args":{"cni":{"promisc":false}})"))
            .empty());
}

TEST_CASE("false is a value of allmulti, and 0 one of txQLen") {
  const auto tuning = parse(R"(,"allmulti":false,"txQLen":0)");
  CHECK(tuning.link.all_multicast == false);
  CHECK(tuning.link.tx_queue_length == 0U);
  CHECK_FALSE(tuning.link.promiscuous);
}

TEST_CASE("args beat the configuration, key by key") {
  const auto tuning = parse(
      R"(,"mtu":1400,"txQLen":5,"allmulti":true,"args":{"cni":{"mtu":1300,"promisc":true,"allmulti":false}})");
  CHECK(tuning.link.mtu == 1300U);
  CHECK(tuning.link.tx_queue_length == 5U);
  CHECK(tuning.link.promiscuous == true);
  CHECK(tuning.link.all_multicast == false);
}

TEST_CASE("each place of a MAC beats those before: configuration, CNI_ARGS, runtime, args") {
  const std::string config = R"(,"mac":"c2:00:00:00:00:01")";
  const std::string runtime = config + R"(,"runtimeConfig":{"mac":"c2-00-00-00-00-03"})";
  const std::string args = runtime + R"(,"args":{"cni":{"mac":"c200.0000.0004"}})";
  CHECK(mac_of(parse(config)) == "c2:00:00:00:00:01");
  CHECK(mac_of(parse(config, "MAC=c2:00:00:00:00:02")) == "c2:00:00:00:00:02");
  CHECK(mac_of(parse(runtime, "MAC=c2:00:00:00:00:02")) == "c2:00:00:00:00:03");
  CHECK(mac_of(parse(args, "MAC=c2:00:00:00:00:02")) == "c2:00:00:00:00:04");
}

TEST_CASE("limits of numbers") {
  CHECK(parse(R"(,"mtu":68,"txQLen":2147483647)").link.tx_queue_length == 2147483647U);
  CHECK(parse(R"(,"mtu":65535)").link.mtu == 65535U);
}

TEST_CASE("what makes no sense is refused with the key's name") {
  struct Row {
    const char* keys;
    const char* words;
  };
  const auto row = GENERATE(
      Row{R"(,"mtu":67)", "7 mtu"}, Row{R"(,"mtu":65536)", "7 mtu"}, Row{R"(,"mtu":-1)", "7 mtu"},
      Row{R"(,"mtu":"1400")", "7 mtu"}, Row{R"(,"txQLen":-1)", "7 txQLen"},
      Row{R"(,"txQLen":2147483648)", "7 txQLen"}, Row{R"(,"promisc":1)", "7 promisc"},
      Row{R"(,"allmulti":"on")", "7 allmulti"}, Row{R"(,"mac":"c2:00")", "7 mac"},
      Row{R"(,"mac":"01:00:5e:00:00:01")", "7 mac"}, Row{R"(,"mac":"00:00:00:00:00:00")", "7 mac"},
      Row{R"(,"sysctl":[])", "7 sysctl"},
      Row{R"(,"sysctl":{"kernel.shmmax":"1"})", "7 sysctl.kernel.shmmax"},
      Row{R"(,"sysctl":{"net.core.somaxconn":1})", "7 sysctl.net.core.somaxconn"},
      Row{R"(,"sysctl":{"net.core.somaxconn":null})", "7 sysctl.net.core.somaxconn"},
      Row{R"(,"sysctl":{"net.core.somaxconn":"1","net/core/somaxconn":"2"})", "same sysctl"},
      Row{R"(,"sysctl":{"net.core.somaxconn":"1","net.core.somaxconn":"2"})", "twice"},
      Row{R"(,"args":{"cni":{"mtu":1}})", "7 args.cni.mtu"},
      Row{R"(,"args":{"cni":{"sysctl":{"vm.swappiness":"1"}}})",
          "7 args.cni.sysctl.vm.swappiness"});
  CAPTURE(row.keys);
  CHECK(refused(row.keys).find(row.words) != std::string::npos);
}

TEST_CASE("CNI_ARGS that are unknown or of a group are the environment's fault") {
  CHECK(refused("", "FOO=bar").starts_with("4 "));
  CHECK(refused("", "MAC=01:00:5e:00:00:01").starts_with("4 "));
  CHECK(refused("", "IgnoreUnknown=1;FOO=bar").empty());
}

TEST_CASE("an allow-list's line must match some part of a key") {
  struct Row {
    const char* list;
    bool allows;
  };
  const auto row = GENERATE(Row{"", false}, Row{"\n \n", false}, Row{"ipv4", true},
                            Row{"^ipv4", false}, Row{"nothing\n  ipv4\r\n", true},
                            Row{R"(^net\.ipv4\.conf\.eth\d+\.arp_[a-z]+$)", true},
                            Row{R"(net\.ipv4\.conf\.eth0\.(?:arp_filter|arp_ignore))", true},
                            Row{"ipv6", false}, Row{R"(eth[\d])", true});
  CAPTURE(row.list);
  CHECK(config::AllowList(row.list).allows("net.ipv4.conf.eth0.arp_ignore") == row.allows);
}

TEST_CASE("a line that is no expression is named") {
  CHECK_THROWS_WITH(config::AllowList("net\n(\n").allows("x"),
                    Catch::Matchers::StartsWith(std::string(config::AllowList::kPath) + ": \"(\""));
}
