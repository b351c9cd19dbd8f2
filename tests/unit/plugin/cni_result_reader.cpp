#include <nlohmann/json.hpp>

#include "catch2_any.h"
#include "cni_failure.h"
#include "plugin/cni/object.h"
#include "plugin/cni/result.h"

using cni::Version;
using nlohmann::json;

namespace {

cni::Result read(std::string_view text, Version assumed = Version::k1_1_0) {
  const json document = json::parse(text);
  return cni::parse_result(document, assumed, "prevResult");
}

}  // namespace

TEST_CASE("a result of 1.x is read whole", "[cni][result]") {
  const auto result = read(R"({
    "cniVersion": "1.1.0",
    "interfaces": [{"name": "eth0", "mac": "0a:58:0a:01:00:02", "mtu": 1450, "sandbox": "/run/netns/x",
                    "socketPath": "/s", "pciID": "p"}],
    "ips": [{"interface": 0, "address": "10.1.0.2/24", "gateway": "10.1.0.1"}, {"address": "fd00::2/64"}],
    "routes": [{"dst": "0.0.0.0/0", "gw": "10.1.0.1", "mtu": 1, "advmss": 2, "priority": 3, "table": 0, "scope": 0}],
    "dns": {"nameservers": ["10.1.0.1"], "domain": "d", "search": ["s"], "options": ["o"]}})");
  REQUIRE(result.interfaces.size() == 1);
  const cni::Interface& interface = result.interfaces[0];
  CHECK(interface.name == "eth0");
  CHECK(interface.mac == "0a:58:0a:01:00:02");
  CHECK(interface.mtu == 1450);
  CHECK(interface.sandbox == "/run/netns/x");
  CHECK(interface.socket_path == "/s");
  CHECK(interface.pci_id == "p");
  CHECK(interface.from_document);
  REQUIRE(result.ips.size() == 2);
  CHECK(result.ips[0].address.to_string() == "10.1.0.2/24");
  CHECK(result.ips[0].gateway == base::IpAddress::parse("10.1.0.1"));
  CHECK(result.ips[0].interface == std::size_t{0});
  CHECK_FALSE(result.ips[1].gateway);
  CHECK_FALSE(result.ips[1].interface);
  REQUIRE(result.routes.size() == 1);
  CHECK(result.routes[0] == cni::Route{.destination = *base::IpPrefix::parse("0.0.0.0/0"),
                                       .gateway = base::IpAddress::parse("10.1.0.1"),
                                       .mtu = 1,
                                       .advmss = 2,
                                       .priority = 3,
                                       .table = 0,
                                       .scope = 0});
  CHECK(result.dns ==
        cni::Dns{.nameservers = {"10.1.0.1"}, .domain = "d", .search = {"s"}, .options = {"o"}});
}

TEST_CASE("the version of an address in 0.3 and 0.4 may be there or not", "[cni][result]") {
  const auto result =
      read(R"({"cniVersion": "0.4.0", "ips": [{"version": "4", "address": "10.1.0.2/24"},
                                                              {"address": "fd00::2/64"}]})");
  REQUIRE(result.ips.size() == 2);
  CHECK(result.ips[1].address.to_string() == "fd00::2/64");
}

TEST_CASE("fields that came with 1.0.0 are not read from older results", "[cni][result]") {
  const auto result = read(
      R"({"cniVersion": "0.4.0", "interfaces": [{"name": "eth0", "mtu": 1450, "pciID": "p"}]})");
  CHECK(result.interfaces[0].mtu == 0);
  CHECK(result.interfaces[0].pci_id.empty());
}

TEST_CASE("a result of 0.2 becomes lists, IPv4 first", "[cni][result]") {
  const std::string version = GENERATE("0.1.0", "0.2.0");
  const auto result = read(R"({"cniVersion": ")" + version + R"(",
    "ip6": {"ip": "fd00::2/64", "routes": [{"dst": "::/0"}]},
    "ip4": {"ip": "10.1.0.2/24", "gateway": "10.1.0.1", "routes": [{"dst": "0.0.0.0/0", "gw": "10.1.0.9"}]},
    "dns": {"nameservers": ["10.1.0.1"]}})");
  CHECK(result.interfaces.empty());
  REQUIRE(result.ips.size() == 2);
  CHECK(result.ips[0].address.to_string() == "10.1.0.2/24");
  CHECK(result.ips[0].gateway == base::IpAddress::parse("10.1.0.1"));
  CHECK(result.ips[1].address.to_string() == "fd00::2/64");
  REQUIRE(result.routes.size() == 2);
  CHECK(result.routes[0].gateway == base::IpAddress::parse("10.1.0.9"));
  CHECK(result.routes[1].destination.to_string() == "::/0");
  CHECK(result.dns.nameservers == std::vector<std::string>{"10.1.0.1"});
}

TEST_CASE("a result without a version has the one assumed", "[cni][result]") {
  const std::string text =
      R"({"cniVersion": "", "ip4": {"ip": "10.1.0.2/24"}, "ips": [{"address": "10.2.0.2/24"}]})";
  CHECK(read(text, Version::k0_2_0).ips.at(0).address.to_string() == "10.1.0.2/24");
  CHECK(read(text, Version::k0_4_0).ips.at(0).address.to_string() == "10.2.0.2/24");
}

TEST_CASE("an empty gateway is none", "[cni][result]") {
  const auto result = read(R"({"ips": [{"address": "10.1.0.2/24", "gateway": ""}],
                               "routes": [{"dst": "0.0.0.0/0", "gw": ""}]})");
  CHECK_FALSE(result.ips.at(0).gateway);
  CHECK_FALSE(result.routes.at(0).gateway);
}

TEST_CASE("an interface index that leads nowhere is read as absent", "[cni][result]") {
  const std::string index =
      GENERATE("1", "2", "-1", "9223372036854775807", "-9223372036854775808", "null");
  CAPTURE(index);
  const auto result = read(R"({"interfaces": [{"name": "eth0"}],
                               "ips": [{"address": "10.1.0.2/24", "interface": )" +
                           index + "}]}");
  CHECK_FALSE(result.ips.at(0).interface);
}

TEST_CASE("an IPAM plugin's index has no interface to point to", "[cni][result]") {
  CHECK_FALSE(read(R"({"ips": [{"address": "10.1.0.2/24", "interface": 0}]})").ips.at(0).interface);
}

TEST_CASE("lists that are null or absent are empty, unknown members are passed over",
          "[cni][result]") {
  const auto result = read(R"({"interfaces": null, "ips": null, "dns": null, "other": {"x": 1}})");
  CHECK(result.interfaces.empty());
  CHECK(result.ips.empty());
  CHECK(result.routes.empty());
  CHECK(result.dns.empty());
}

TEST_CASE("what cannot be read is named with its place", "[cni][result]") {
  struct Case {
    std::string text;
    std::string message;
  };
  const auto [text, message] = GENERATE(values<Case>({
      {"[]", "prevResult: must be an object, but is a list"},
      {R"({"cniVersion": 1})", "prevResult.cniVersion: must be a string, but is the number 1"},
      {R"({"cniVersion": "2.0.0"})",
       "prevResult.cniVersion: \"2.0.0\" is no version that we speak"},
      {R"({"interfaces": {}})", "prevResult.interfaces: must be a list, but is an object"},
      {R"({"interfaces": ["eth0"]})",
       "prevResult.interfaces[0]: must be an object, but is the string \"eth0\""},
      {R"({"interfaces": [{"mtu": -1}]})",
       "prevResult.interfaces[0].mtu: must be an integer from 0 to 4294967295, but is the number "
       "-1"},
      {R"({"ips": [{"address": "10.1.0.2/24"}, {}]})", "prevResult.ips[1].address: is missing"},
      {R"({"ips": [{"address": ""}]})", "prevResult.ips[0].address: is missing"},
      {R"({"ips": [{"address": "x"}]})",
       "prevResult.ips[0].address: \"x\" is no IP address with a prefix length"},
      {R"({"ips": [{"address": "10.1.0.2/24", "gateway": "x"}]})",
       "prevResult.ips[0].gateway: \"x\" is no IP address"},
      {R"({"ips": [{"address": "10.1.0.2/24", "interface": "0"}]})",
       "prevResult.ips[0].interface: must be an integer from -9223372036854775808 to "
       "9223372036854775807, but is "
       "the string \"0\""},
      {R"({"routes": [{"gw": "10.1.0.1"}]})", "prevResult.routes[0].dst: is missing"},
      {R"({"routes": [{"dst": "0.0.0.0/0", "scope": 256}]})",
       "prevResult.routes[0].scope: must be an integer from 0 to 255, but is the number 256"},
      {R"({"dns": {"search": "x"}})",
       "prevResult.dns.search: must be a list, but is the string \"x\""},
      {R"({"cniVersion": "0.2.0", "ip4": {}})", "prevResult.ip4.ip: is missing"},
      {R"({"cniVersion": "0.2.0", "ip6": {"ip": "fd00::2/64", "routes": [{}]}})",
       "prevResult.ip6.routes[0].dst: is missing"},
  }));
  CAPTURE(text);
  const auto error = failure_of([&, &given = text] { return read(given); });
  CHECK(code_of(error) == number(cni::Code::kDecoding));
  CHECK(message_of(error) == message);
}

TEST_CASE("a configuration's route is invalid, not undecodable", "[cni][result]") {
  const json route = json::object();
  const auto error =
      failure_of([&] { return cni::parse_route(cni::Object(route, "ipam.routes[0]")); });
  CHECK(code_of(error) == number(cni::Code::kInvalidConfig));
  CHECK(message_of(error) == "ipam.routes[0].dst: is missing");
}

TEST_CASE("versions of one result form are one family", "[cni][result]") {
  CHECK(cni::is_same_family(Version::k0_1_0, Version::k0_2_0));
  CHECK(cni::is_same_family(Version::k0_3_0, Version::k0_4_0));
  CHECK(cni::is_same_family(Version::k1_1_0, Version::k1_0_0));
  CHECK_FALSE(cni::is_same_family(Version::k0_2_0, Version::k0_3_0));
  CHECK_FALSE(cni::is_same_family(Version::k0_4_0, Version::k1_0_0));
}
