#include "catch2_any.h"
#include "plugin/cni/error.h"
#include "plugin/config/network.h"
#include "request_maker.h"

namespace {

constexpr const char* kIpam = R"("ipam":{"type":"host-local","subnet":"10.1.0.0/24"})";

config::Network parse(const std::string& rest, const std::string& args = "") {
  return config::parse_patchcord(make_request(patchcord_config(rest), args));
}

struct Refusal {
  std::string rest;
  cni::Code code;
  std::string word;
};

}  // namespace

TEST_CASE("mode bridge has the reference's defaults") {
  const auto network = parse(R"("mode":"bridge")");
  CHECK(network.mode == config::Mode::kBridge);
  CHECK(network.bridge.name == "cni0");
  CHECK_FALSE(network.bridge.is_gateway);
  CHECK_FALSE(network.bridge.hairpin);
  CHECK(network.container_up);
  CHECK(network.mtu == 0);
  CHECK_FALSE(network.mac);
  CHECK(network.ipam.type.empty());
  CHECK(network.host_interface_prefix == "veth");
}

TEST_CASE("a default gateway is a gateway") {
  const auto network = parse(R"("mode":"bridge","isDefaultGateway":true)");
  CHECK(network.bridge.is_gateway);
  CHECK(network.bridge.is_default_gateway);
}

TEST_CASE("null leaves a default as it is") {
  const auto network =
      parse(R"("mode":"bridge","bridge":null,"mtu":null,"isGateway":null,"ipam":null)");
  CHECK(network.bridge.name == "cni0");
  CHECK(network.mtu == 0);
}

TEST_CASE("mtu is a number, nothing, or auto") {
  CHECK(parse(R"("mode":"bridge","mtu":1400)").mtu == 1400);
  CHECK(parse(R"("mode":"bridge","mtu":0)").mtu == 0);
  CHECK(parse(R"("mode":"bridge","mtu":-5)").mtu == 0);
  CHECK(parse(R"("mode":"bridge","mtu":"auto")").mtu_auto);
}

TEST_CASE("runtimeConfig's MAC comes before that of args, and that before CNI_ARGS") {
  const std::string runtime = R"(,"runtimeConfig":{"MAC":"02:00:00:00:00:01"})";
  const std::string args = R"(,"args":{"cni":{"mac":"02:00:00:00:00:02"}})";
  const std::string variable = "MAC=02:00:00:00:00:03";
  CHECK(parse(R"("mode":"bridge")" + runtime + args, variable).mac->to_string() ==
        "02:00:00:00:00:01");
  CHECK(parse(R"("mode":"bridge")" + args, variable).mac->to_string() == "02:00:00:00:00:02");
  CHECK(parse(R"("mode":"bridge")", variable).mac->to_string() == "02:00:00:00:00:03");
}

TEST_CASE("requested addresses are collected from every channel, each once") {
  const auto network = parse(
      R"("mode":"bridge","runtimeConfig":{"ips":["10.1.0.7/24","10.1.0.5"]},"args":{"cni":{"ips":["10.1.0.6"]}},)" +
          std::string(kIpam),
      "IP=10.1.0.5");
  REQUIRE(network.ipam.host_local);
  std::string all;
  for (const auto& address : network.ipam.host_local->requested) all += address.to_string() + " ";
  CHECK(all == "10.1.0.5 10.1.0.6 10.1.0.7 ");
}

TEST_CASE(
    "the runtime's ranges come before the single range, and that before the configured ones") {
  const auto network = parse(
      R"("mode":"bridge","runtimeConfig":{"IpRanges":[[{"Subnet":"10.3.0.0/24","Gateway":""}]]},
         "ipam":{"type":"host-local","subnet":"10.2.0.0/24","ranges":[[{"subnet":"10.1.0.0/24"}]]})");
  const auto& sets = network.ipam.host_local->sets;
  REQUIRE(sets.size() == 3);
  CHECK(sets[0][0].subnet.to_string() == "10.3.0.0/24");
  CHECK(sets[1][0].subnet.to_string() == "10.2.0.0/24");
  CHECK(sets[2][0].subnet.to_string() == "10.1.0.0/24");
}

TEST_CASE("go-cni's flat list of ranges is one set") {
  const auto network = parse(
      R"("mode":"bridge","runtimeConfig":{"ipRanges":[{"Subnet":"10.3.0.0/24"},{"Subnet":"10.4.0.0/24"}]},
         "ipam":{"type":"host-local"})");
  REQUIRE(network.ipam.host_local->sets.size() == 1);
  CHECK(network.ipam.host_local->sets[0].size() == 2);
}

TEST_CASE("any list of dns, even an empty one, replaces what IPAM says") {
  CHECK_FALSE(parse(R"("mode":"bridge","dns":{})").dns);
  CHECK_FALSE(parse(R"("mode":"bridge","dns":{"domain":""})").dns);
  CHECK(parse(R"("mode":"bridge","dns":{"search":[]})").dns);
  CHECK(parse(R"("mode":"bridge","dns":{"domain":"a.example"})").dns->domain == "a.example");
}

TEST_CASE("what cannot be is refused, with the key and the reason") {
  using cni::Code;
  const std::string ipam = kIpam;
  const auto refusal = GENERATE_COPY(values<Refusal>(
      {{R"("bridge":"x")", Code::kInvalidConfig, "mode"},
       {R"("mode":"bridge","bridge":"")", Code::kInvalidConfig, "bridge"},
       {R"("mode":"bridge","bridge":"a/b")", Code::kInvalidConfig, "bridge"},
       {R"("mode":"bridge","bridge":"sixteen-bytes-xx")", Code::kInvalidConfig, "bridge"},
       {R"("mode":"bridge","hairpinMode":true,"promiscMode":true)", Code::kInvalidConfig,
        "promiscMode"},
       {R"("mode":"bridge","disableContainerInterface":true,)" + ipam, Code::kInvalidConfig,
        "ipam"},
       {R"("mode":"bridge","mtu":50)", Code::kInvalidConfig, "68"},
       {R"("mode":"bridge","mtu":"1500")", Code::kInvalidConfig, "auto"},
       {R"("mode":"routed")", Code::kInvalidConfig, "ipam"},
       {R"("mode":"routed","vlan":7,)" + ipam, Code::kUnsupportedField, "vlan: 7"},
       {R"("mode":"routed","hostInterfacePrefix":"eightbyt",)" + ipam, Code::kInvalidConfig,
        "7 bytes"},
       {R"("mode":"bridge","ipam":{"type":"host-local"})", Code::kInvalidConfig, "no range"},
       {R"("mode":"bridge","ipam":{"type":"host-local","ranges":[[]]})", Code::kInvalidConfig,
        "ranges"},
       {R"("mode":"bridge","ipam":{"type":"host-local","ranges":[[{"rangeStart":"10.1.0.5"}]]})",
        Code::kInvalidConfig, "ipam.ranges[0][0].subnet"},
       {R"("mode":"bridge","ipam":{"type":"x","timeout":0})", Code::kInvalidConfig, "timeout"},
       {R"("mode":"bridge","ipam":{"type":"host-local","subnet":"10.1.0.0/24","routes":[{"dst":"::/0","gw":"10.1.0.1"}]})",
        Code::kInvalidConfig, "family"}}));
  CAPTURE(refusal.rest);
  try {
    (void)parse(refusal.rest);
    FAIL("was taken");
  } catch (const cni::Error& error) {
    CHECK(error.code() == static_cast<unsigned>(refusal.code));
    CHECK_THAT(error.what(), Catch::Matchers::Contains(refusal.word));
  }
}

TEST_CASE("unknown CNI_ARGS are refused unless told to ignore them") {
  CHECK_THROWS_AS(parse(R"("mode":"bridge")", "COLOUR=red"), cni::Error);
  CHECK_NOTHROW(parse(R"("mode":"bridge")", "COLOUR=red;IgnoreUnknown=1"));
  CHECK_NOTHROW(parse(R"("mode":"bridge")", "K8S_POD_NAME=p;K8S_POD_NAMESPACE=n"));
}

TEST_CASE("where reservations are is told even by a broken configuration") {
  const auto place = config::find_ipam_place(make_request(
      patchcord_config(R"("ipam":{"type":"host-local","dataDir":"/d","ranges":"broken"})")));
  CHECK(place.type == "host-local");
  CHECK(place.data_directory == "/d");
  CHECK(config::find_ipam_place(make_request(patchcord_config(R"("ipam":7)"))).type.empty());
}
