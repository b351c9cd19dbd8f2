#include "plugin/operations/shared/host_ports.h"

#include <catch2_any.h>
#include <nlohmann/json.hpp>

#include "cni_failure.h"
#include "plugin/attachment/record.h"
#include "plugin/config/keys.h"

namespace {

std::optional<config::Ports> read(const std::string& text) {
  const nlohmann::json document = nlohmann::json::parse(text);
  return config::read_ports(cni::Object(document, ""));
}

std::string with_mappings(const std::string& mappings, const std::string& keys = "") {
  return R"({"runtimeConfig": {"portMappings": [)" + mappings + "]}" + keys + "}";
}

std::string shown(const std::vector<cni::PortMapping>& mappings) {
  std::string text;
  for (const auto& mapping : mappings)
    text += cni::to_string(mapping) + " to " + std::to_string(mapping.container_port) + "; ";
  return text;
}

base::IpAddress address(const char* text) {
  return base::IpAddress::parse(text).value();
}

attachment::HostPorts lead(const std::string& mappings,
                           const std::vector<attachment::PortTarget>& targets) {
  return operations::lead_ports(read(with_mappings(mappings)).value(), targets);
}

constexpr const char* kWeb = R"({"hostPort": 8080, "containerPort": 80, "protocol": "tcp"})";

}  // namespace

TEST_CASE("without mappings there are no ports, but the keys are checked") {
  CHECK_FALSE(read(GENERATE("{}", R"({"runtimeConfig": {}})", R"({"runtimeConfig": null})",
                            R"({"runtimeConfig": {"portMappings": null}, "snat": false})",
                            R"({"runtimeConfig": {"portMappings": []}, "backend": "nftables",
                                "markMasqBit": 13, "conditionsV4": [], "backend": ""})")));
  CHECK(code_of(failure_of([] { return read(R"({"backend": "ebpf"})"); })) ==
        number(cni::Code::kInvalidConfig));
}

TEST_CASE("mappings are read in whichever case and form runtimes write them") {
  struct Row {
    const char* mappings;
    const char* shown;
  };
  const Row row = GENERATE(
      Row{kWeb, "tcp port 8080 to 80; "},
      Row{R"({"HostPort": 1, "CONTAINERPORT": 65535, "Protocol": "SCTP", "hostip": "192.0.2.1"})",
          "sctp port 1 on 192.0.2.1 to 65535; "},
      Row{R"({"hostPort": 53, "containerPort": 53, "protocol": "Udp", "hostIP": "::"})",
          "udp port 53 on :: to 53; "},
      Row{R"({"hostPort": 53, "containerPort": 53, "hostIP": ""})", "tcp port 53 to 53; "},
      Row{R"({"hostPort": 53, "containerPort": 53, "protocol": ""})", "tcp port 53 to 53; "},
      // Twice the same is once; so is what is asked of any address and of 0.0.0.0.
      Row{R"({"hostPort": 1, "containerPort": 2}, {"hostPort": 1, "containerPort": 2})",
          "tcp port 1 to 2; "},
      Row{R"({"hostPort": 1, "containerPort": 2},
             {"hostPort": 1, "containerPort": 2, "hostIP": "0.0.0.0"})",
          "tcp port 1 to 2; "},
      Row{R"({"hostPort": 1, "containerPort": 2},
             {"hostPort": 1, "containerPort": 3, "protocol": "udp"},
             {"hostPort": 1, "containerPort": 4, "hostIP": "192.0.2.1"})",
          "tcp port 1 to 2; udp port 1 to 3; tcp port 1 on 192.0.2.1 to 4; "});
  const auto ports = read(with_mappings(row.mappings));
  REQUIRE(ports);
  CHECK(shown(ports->mappings) == row.shown);
  CHECK(ports->snat);
  CHECK_FALSE(ports->masquerade_all);
}

TEST_CASE("mappings that cannot be are refused, with their path") {
  struct Row {
    const char* mapping;
    const char* words;
  };
  const Row row = GENERATE(
      Row{R"({"containerPort": 80})", "runtimeConfig.portMappings[0].hostPort: is missing"},
      Row{R"({"hostPort": 80})", "portMappings[0].containerPort: is missing"},
      Row{R"({"hostPort": 0, "containerPort": 80})", "from 1 to 65535"},
      Row{R"({"hostPort": 65536, "containerPort": 80})", "from 1 to 65535"},
      Row{R"({"hostPort": 80, "containerPort": -1})", "from 1 to 65535"},
      Row{R"({"hostPort": "80", "containerPort": 80})", "from 1 to 65535"},
      Row{R"({"hostPort": 80, "containerPort": 80, "protocol": "icmp"})", "tcp, udp or sctp"},
      Row{R"({"hostPort": 80, "containerPort": 80, "hostIP": "localhost"})", "is no IP address"},
      Row{R"({"hostPort": 80, "containerPort": 80, "hostIP": "::1"})", "use 127.0.0.1"},
      Row{R"("8080:80")", "portMappings[0]"},
      Row{R"({"hostPort": 1, "containerPort": 2}, {"hostPort": 1, "containerPort": 3})",
          "a second time, to lead to port 3 of the container instead of 2"});
  const auto failure = failure_of([&] { return read(with_mappings(row.mapping)); });
  CHECK(code_of(failure) == number(cni::Code::kInvalidConfig));
  CHECK_THAT(message_of(failure), Catch::Matchers::Contains(row.words));
}

TEST_CASE("keys of the reference portmap") {
  const auto ports = read(with_mappings(kWeb, R"(, "snat": true, "masqAll": true)"));
  CHECK(ports->masquerade_all);
  CHECK_FALSE(read(with_mappings(kWeb, R"(, "snat": false)"))->snat);
  CHECK(read(with_mappings(kWeb, R"(, "backend": "nftables", "markMasqBit": 0)")));
  struct Row {
    const char* keys;
    cni::Code code;
    const char* words;
  };
  const Row row = GENERATE(
      Row{R"(, "backend": "firewalld")", cni::Code::kInvalidConfig, "backend"},
      Row{R"(, "externalSetMarkChain": 7)", cni::Code::kInvalidConfig, "externalSetMarkChain"},
      Row{R"(, "conditionsV4": "-s 10.0.0.0/8")", cni::Code::kInvalidConfig, "conditionsV4"},
      Row{R"(, "conditionsV6": [7])", cni::Code::kInvalidConfig, "conditionsV6"},
      Row{R"(, "markMasqBit": 32)", cni::Code::kInvalidConfig, "markMasqBit"},
      Row{R"(, "snat": "yes")", cni::Code::kInvalidConfig, "snat"},
      Row{R"(, "snat": false, "masqAll": true)", cni::Code::kInvalidConfig, "masqAll: needs snat"});
  const auto failure = failure_of([&] { return read(with_mappings(kWeb, row.keys)); });
  CHECK(code_of(failure) == number(row.code));
  CHECK_THAT(message_of(failure), Catch::Matchers::Contains(row.words));
}

TEST_CASE("what iptables would do is noted where there is a mapping") {
  const std::string keys = R"(, "backend": "iptables", "externalSetMarkChain": "KUBE-MARK-MASQ")";
  CHECK(read(with_mappings(kWeb, keys))->notes.size() == 2);
  CHECK(read(with_mappings(kWeb, R"(, "backend": "", "externalSetMarkChain": "")"))->notes.empty());
}

TEST_CASE("conditions are those of the targets' families, and unreadable ones of a family count") {
  const std::vector<attachment::PortTarget> v4 = {{address("10.1.0.5"), "br0"}};
  const std::vector<attachment::PortTarget> v6 = {{address("fd00::5"), "br0"}};
  const auto ports = read(with_mappings(
      kWeb, R"(, "conditionsV4": ["-s", "10.0.0.0/8"], "conditionsV6": ["-m", "mark"])"));
  const auto led = operations::lead_ports(*ports, v4);
  REQUIRE(led.targets.front().conditions.size() == 1);
  CHECK(cni::to_string(led.targets.front().conditions.front()) == "ip saddr { 10.0.0.0/8 }");
  const auto failure = failure_of([&] { return operations::lead_ports(*ports, v6); });
  CHECK(code_of(failure) == number(cni::Code::kUnsupportedField));
  CHECK_THAT(message_of(failure), Catch::Matchers::StartsWith("conditionsV6: \"-m mark\""));
}

TEST_CASE("localhost needs snat") {
  const std::string local = R"({"hostPort": 80, "containerPort": 80, "hostIP": "127.0.0.1"})";
  CHECK(read(with_mappings(local)));
  CHECK(code_of(failure_of([&] { return read(with_mappings(local, R"(, "snat": false)")); })) ==
        number(cni::Code::kInvalidConfig));
}

TEST_CASE("a mapping needs an address to lead to, unless it is of any address of a family") {
  const std::vector<attachment::PortTarget> v4 = {{address("10.1.0.5"), "br0"}};
  CHECK(lead(kWeb, v4).mappings.size() == 1);
  CHECK(lead(R"({"hostPort": 1, "containerPort": 1, "hostIP": "0.0.0.0"},
                {"hostPort": 1, "containerPort": 1, "hostIP": "::"})",
             v4)
            .mappings.size() == 1);
  for (const char* mapping : {R"({"hostPort": 1, "containerPort": 1, "hostIP": "2001:db8::1"})"}) {
    const auto failure = failure_of([&] { return lead(mapping, v4); });
    CHECK_THAT(message_of(failure), Catch::Matchers::Contains("no IPv6 address"));
  }
  CHECK(code_of(failure_of([&] { return lead(kWeb, {}); })) == number(cni::Code::kInvalidConfig));
}

TEST_CASE("a record keeps host ports") {
  attachment::Attachment written;
  written.host_ports = attachment::HostPorts{
      .mappings = {{.protocol = cni::Protocol::kSctp, .host_port = 1, .container_port = 65535},
                   {.protocol = cni::Protocol::kUdp,
                    .host_port = 2,
                    .container_port = 3,
                    .host_address = address("::")}},
      .targets = {{address("10.1.0.5"), "br0"},
                  {.address = address("fd00::5"),
                   .interface = "br1",
                   .conditions = *cni::parse_port_conditions({"! -i eth+ -s fd00::/8"},
                                                             base::Family::kIpv6)}},
      .snat = false,
      .masquerade_all = true};
  const auto read_back = attachment::parse_record(attachment::to_record(written) + "\n");
  REQUIRE(read_back);
  REQUIRE(read_back->host_ports);
  CHECK(read_back->host_ports->mappings == written.host_ports->mappings);
  REQUIRE(read_back->host_ports->targets.size() == 2);
  CHECK(read_back->host_ports->targets[1].address == address("fd00::5"));
  CHECK(read_back->host_ports->targets[1].interface == "br1");
  CHECK(read_back->host_ports->targets[0].conditions.empty());
  CHECK(read_back->host_ports->targets[1].conditions == written.host_ports->targets[1].conditions);
  CHECK_FALSE(read_back->host_ports->snat);
  CHECK(read_back->host_ports->masquerade_all);
}
