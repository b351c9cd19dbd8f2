#include <nlohmann/json.hpp>

#include "catch2_any.h"
#include "cni_failure.h"
#include "plugin/cni/result.h"

using cni::Version;
using nlohmann::json;

namespace {

base::IpPrefix prefix(std::string_view text) {
  return base::IpPrefix::parse(text).value();
}
base::IpAddress address(std::string_view text) {
  return base::IpAddress::parse(text).value();
}

// One of everything: two addresses of one family, a link route, zeros that say something.
cni::Result full_result() {
  return {
      .interfaces = {{.name = "cni0", .mac = "0a:58:0a:01:00:01"},
                     {.name = "eth0",
                      .mac = "0a:58:0a:01:00:02",
                      .mtu = 1450,
                      .sandbox = "/run/netns/pod1",
                      .socket_path = "/run/vhost.sock",
                      .pci_id = "0000:00:02.0"}},
      .ips = {{.address = prefix("10.1.0.2/24"), .gateway = address("10.1.0.1"), .interface = 1},
              {.address = prefix("fd00::2/64"), .interface = 0},
              {.address = prefix("10.2.0.2/32")}},
      .routes = {{.destination = prefix("0.0.0.0/0")},
                 {.destination = prefix("fd01::5/48"),
                  .gateway = address("fd00::1"),
                  .mtu = 1400,
                  .advmss = 1360,
                  .priority = 7,
                  .table = 0,
                  .scope = 0},
                 {.destination = prefix("192.168.0.0/16"),
                  .gateway = address("10.1.0.1"),
                  .table = 4294967295,
                  .scope = 253}},
      .dns = {.nameservers = {"10.1.0.1", "fd00::1"},
              .domain = "d",
              .search = {"a", "b"},
              .options = {"ndots:5"}},
  };
}

json print(const cni::Result& result, Version version) {
  return json::parse(to_document(result, version));
}

// The members that are the same in every version from 0.3.0 on.
const char* const kRoutes = R"([
  {"dst": "0.0.0.0/0"},
  {"dst": "fd01::5/48", "gw": "fd00::1", "mtu": 1400, "advmss": 1360, "priority": 7, "table": 0, "scope": 0},
  {"dst": "192.168.0.0/16", "gw": "10.1.0.1", "table": 4294967295, "scope": 253}])";
const char* const kDns =
    R"({"nameservers": ["10.1.0.1", "fd00::1"], "domain": "d", "search": ["a", "b"], "options": ["ndots:5"]})";

}  // namespace

TEST_CASE("a result of 0.1 and 0.2 has the first address of each family and routes by family",
          "[cni][result]") {
  const std::string version = GENERATE("0.1.0", "0.2.0");
  json expected = json::parse(R"({
    "ip4": {"ip": "10.1.0.2/24", "gateway": "10.1.0.1",
            "routes": [{"dst": "0.0.0.0/0"}, {"dst": "192.168.0.0/16", "gw": "10.1.0.1"}]},
    "ip6": {"ip": "fd00::2/64", "routes": [{"dst": "fd01::5/48", "gw": "fd00::1"}]}})");
  expected["cniVersion"] = version;
  expected["dns"] = json::parse(kDns);
  CHECK(print(full_result(), *cni::parse_version(version)) == expected);
}

TEST_CASE("a result of 0.3 and 0.4 has a version in each address and no new interface fields",
          "[cni][result]") {
  const std::string version = GENERATE("0.3.0", "0.3.1", "0.4.0");
  json expected = json::parse(R"({
    "interfaces": [{"name": "cni0", "mac": "0a:58:0a:01:00:01"},
                   {"name": "eth0", "mac": "0a:58:0a:01:00:02", "sandbox": "/run/netns/pod1"}],
    "ips": [{"version": "4", "interface": 1, "address": "10.1.0.2/24", "gateway": "10.1.0.1"},
            {"version": "6", "interface": 0, "address": "fd00::2/64"},
            {"version": "4", "address": "10.2.0.2/32"}]})");
  expected["cniVersion"] = version;
  expected["routes"] = json::parse(kRoutes);
  expected["dns"] = json::parse(kDns);
  CHECK(print(full_result(), *cni::parse_version(version)) == expected);
}

TEST_CASE("a result of 1.x has no version in its addresses", "[cni][result]") {
  const std::string version = GENERATE("1.0.0", "1.1.0");
  json expected = json::parse(R"({
    "interfaces": [{"name": "cni0", "mac": "0a:58:0a:01:00:01"},
                   {"name": "eth0", "mac": "0a:58:0a:01:00:02", "sandbox": "/run/netns/pod1"}],
    "ips": [{"interface": 1, "address": "10.1.0.2/24", "gateway": "10.1.0.1"},
            {"interface": 0, "address": "fd00::2/64"},
            {"address": "10.2.0.2/32"}]})");
  expected["cniVersion"] = version;
  expected["routes"] = json::parse(kRoutes);
  expected["dns"] = json::parse(kDns);
  if (version == "1.1.0") {
    expected["interfaces"][1].update(
        {{"mtu", 1450}, {"socketPath", "/run/vhost.sock"}, {"pciID", "0000:00:02.0"}});
  }
  CHECK(print(full_result(), *cni::parse_version(version)) == expected);
}

TEST_CASE("interface fields that came in go out in 1.0.0, but not below", "[cni][result]") {
  const cni::Result result = {
      .interfaces = {{.name = "eth0", .mtu = 1450, .pci_id = "p", .from_document = true}}};
  CHECK(print(result, Version::k1_0_0)["interfaces"] ==
        json::parse(R"([{"name": "eth0", "mtu": 1450, "pciID": "p"}])"));
  CHECK(print(result, Version::k0_4_0)["interfaces"] == json::parse(R"([{"name": "eth0"}])"));
}

TEST_CASE("an empty result is its version, and dns before 1.0.0", "[cni][result]") {
  struct Case {
    Version version;
    std::string document;
  };
  const auto [version, document] = GENERATE(values<Case>({
      {Version::k0_3_0, R"({"cniVersion": "0.3.0", "dns": {}})"},
      {Version::k0_3_1, R"({"cniVersion": "0.3.1", "dns": {}})"},
      {Version::k0_4_0, R"({"cniVersion": "0.4.0", "dns": {}})"},
      {Version::k1_0_0, R"({"cniVersion": "1.0.0"})"},
      {Version::k1_1_0, R"({"cniVersion": "1.1.0"})"},
  }));
  CHECK(print({}, version) == json::parse(document));
}

TEST_CASE("dns is there before 1.0.0 even where it is empty", "[cni][result]") {
  const cni::Result result = {.ips = {{.address = prefix("10.1.0.2/24")}}};
  CHECK(print(result, Version::k0_2_0) ==
        json::parse(R"({"cniVersion": "0.2.0", "ip4": {"ip": "10.1.0.2/24"}, "dns": {}})"));
}

TEST_CASE("a dns section has only what is given", "[cni][result]") {
  const cni::Result result = {.dns = {.search = {"a"}}};
  CHECK(print(result, Version::k1_1_0)["dns"] == json::parse(R"({"search": ["a"]})"));
}

TEST_CASE("a result without an address cannot be expressed before 0.3.0", "[cni][result]") {
  const Version version = GENERATE(Version::k0_1_0, Version::k0_2_0);
  const cni::Result result = {.interfaces = {{.name = "eth0"}},
                              .routes = {{.destination = prefix("10.0.0.0/8")}}};
  const auto error = failure_of([&] { return to_document(result, version); });
  CHECK(code_of(error) == number(cni::Code::kInvalidConfig));
  CHECK(message_of(error) ==
        "cniVersion " + std::string(cni::to_string(version)) +
            ": a result without an IP address cannot be expressed before 0.3.0");
}

TEST_CASE("before 0.3.0 routes of a family without an address are left out", "[cni][result]") {
  const cni::Result result = {.ips = {{.address = prefix("fd00::2/64")}},
                              .routes = {{.destination = prefix("10.0.0.0/8")}}};
  CHECK(print(result, Version::k0_2_0) ==
        json::parse(R"({"cniVersion": "0.2.0", "ip6": {"ip": "fd00::2/64"}, "dns": {}})"));
}

TEST_CASE("no index of an interface that is not there is ever printed", "[cni][result]") {
  const std::size_t index = GENERATE(std::size_t{1}, std::size_t{2}, SIZE_MAX);
  const cni::Result result = {.interfaces = {{.name = "eth0"}},
                              .ips = {{.address = prefix("10.1.0.2/24"), .interface = index}}};
  CHECK(print(result, Version::k1_1_0)["ips"] == json::parse(R"([{"address": "10.1.0.2/24"}])"));
}

TEST_CASE("a result is JSON whatever bytes its text has", "[cni][result]") {
  const cni::Result result = {.interfaces = {{.name = "eth0", .sandbox = "/run/\xff"}}};
  CHECK(print(result, Version::k1_1_0)["interfaces"][0]["sandbox"] == "/run/\xEF\xBF\xBD");
}

TEST_CASE("a result is printed for people too", "[cni][result]") {
  const cni::Result result = {.interfaces = {{.name = "lo"}}};
  CHECK(to_document(result, Version::k1_0_0) == R"({
    "cniVersion": "1.0.0",
    "interfaces": [
        {
            "name": "lo"
        }
    ]
})");
}

TEST_CASE("what is printed is read back the same from 0.3.0 on", "[cni][result]") {
  const std::string version = GENERATE("0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0");
  const json printed = print(full_result(), *cni::parse_version(version));
  const cni::Result read = cni::parse_result(printed, Version::k0_1_0, "result");
  CHECK(print(read, *cni::parse_version(version)) == printed);
  CHECK(read.routes == full_result().routes);
  CHECK(read.dns == full_result().dns);
}
