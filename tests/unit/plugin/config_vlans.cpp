#include <catch2_any.h>
#include <nlohmann/json.hpp>

#include "plugin/attachment/record.h"
#include "plugin/cni/error.h"
#include "plugin/config/keys.h"

namespace {

std::optional<config::Vlans> read(const char* text) {
  const nlohmann::json document = nlohmann::json::parse(text);
  return config::read_vlans(cni::Object(document, ""));
}

}  // namespace

TEST_CASE("without vlan and vlanTrunk there are no VLANs") {
  CHECK_FALSE(read(GENERATE("{}", R"({"vlan": 0})", R"({"vlan": null, "vlanTrunk": null})",
                            R"({"preserveDefaultVlan": true})")));
}

TEST_CASE("a trunk's ranges are put in order and merged, with VLAN 1 as the native one") {
  const auto vlans = read(R"({"vlanTrunk": [{"minID": 200, "maxID": 210}, {"id": 101},
                              {"id": 211, "minID": 205, "maxID": 207}]})");
  REQUIRE(vlans);
  CHECK(vlans->native == 1);
  CHECK_FALSE(vlans->keep_default);
  REQUIRE(vlans->trunk.size() == 2);
  CHECK(vlans->trunk[0].first == 101);
  CHECK(vlans->trunk[0].last == 101);
  CHECK(vlans->trunk[1].first == 200);
  CHECK(vlans->trunk[1].last == 211);
}

TEST_CASE("an empty trunk says that there are VLANs, and names none") {
  const auto vlans = read(R"({"vlanTrunk": []})");
  REQUIRE(vlans);
  CHECK(vlans->native == 0);
  CHECK(vlans->trunk.empty());
}

TEST_CASE("VLAN keys that make no sense are refused") {
  const char* text = GENERATE(
      R"({"vlan": 4095})", R"({"vlan": -1})", R"({"vlan": "1"})", R"({"vlanTrunk": {}})",
      R"({"vlanTrunk": [{}]})", R"({"vlanTrunk": [{"id": 0}]})", R"({"vlanTrunk": [{"minID": 3}]})",
      R"({"vlanTrunk": [{"maxID": 3}]})", R"({"vlanTrunk": [{"minID": 4, "maxID": 3}]})");
  CHECK_THROWS_AS(read(text), cni::Error);
}

TEST_CASE("a record keeps what a bridge port's VLANs and a ptp port are, and unknown members") {
  attachment::Attachment written;
  written.bridge_port.emplace();
  written.bridge_port->vlans =
      attachment::PortVlans{.native = 7, .trunk = {{10, 20}}, .keep_default = true};
  written.bridge_port->vlan_gateway = attachment::VlanGateway{.name = "br0.7", .mac = {}};
  written.ptp_port = attachment::PtpPort{{*base::IpAddress::parse("10.0.0.1")}};
  const std::string line = attachment::to_record(written, "{\"later\": 1}\n") + "\n";
  CHECK(line.find("\"later\":1") != std::string::npos);
  const auto read_back = attachment::parse_record(line);
  REQUIRE(read_back);
  REQUIRE(read_back->bridge_port);
  REQUIRE(read_back->bridge_port->vlans);
  CHECK(read_back->bridge_port->vlans->native == 7);
  REQUIRE(read_back->bridge_port->vlans->trunk.size() == 1);
  CHECK(read_back->bridge_port->vlans->trunk[0].last == 20);
  CHECK(read_back->bridge_port->vlans->keep_default);
  REQUIRE(read_back->bridge_port->vlan_gateway);
  CHECK(read_back->bridge_port->vlan_gateway->name == "br0.7");
  REQUIRE(read_back->ptp_port);
  CHECK(read_back->ptp_port->gateways == written.ptp_port->gateways);
}
