#include <catch2_any.h>

#include "plugin/cni/error.h"
#include "plugin/config/bandwidth.h"
#include "request_maker.h"

namespace {

config::Bandwidth parse(const std::string& rest) {
  return config::parse_bandwidth(make_request(patchcord_config(R"("type":"bandwidth")" + rest)));
}

// What is wrong, and that it is told from an environment or an unknown command.
std::string refused(const std::string& rest) {
  try {
    (void)parse(rest);
  } catch (const cni::Error& error) {
    CHECK(error.code() == static_cast<unsigned>(cni::Code::kInvalidConfig));
    return error.what();
  }
  return "";
}

const std::string kIngress = R"(,"ingressRate":8000,"ingressBurst":80000)";
const std::string kEgress = R"(,"egressRate":16000,"egressBurst":90000)";

}  // namespace

TEST_CASE("limits are of their direction, in bits") {
  const auto both = parse(kIngress + kEgress);
  REQUIRE(both.ingress);
  CHECK(both.ingress->rate == 8000);
  CHECK(both.ingress->burst == 80000);
  REQUIRE(both.egress);
  CHECK(both.egress->rate == 16000);
  CHECK(both.egress->burst == 90000);
  CHECK(both.latency == std::chrono::milliseconds(25));
  CHECK_FALSE(parse(kIngress).egress);
  CHECK_FALSE(parse(kEgress).ingress);
}

TEST_CASE("no limit is none, however it is said") {
  CHECK(parse(GENERATE("", R"(,"ingressRate":0,"ingressBurst":0)", R"(,"egressRate":null)",
                       R"(,"runtimeConfig":{})", R"(,"runtimeConfig":{"bandwidth":null})",
                       R"(,"runtimeConfig":{"bandwidth":{}})",
                       R"(,"runtimeConfig":{"bandwidth":{"ingressRate":0,"ingressBurst":0}})"))
            .empty());
}

TEST_CASE("a runtime's limits count, in any case of letters, where the configuration has none") {
  const std::string key = GENERATE("ingressRate", "IngressRate", "ingressrate");
  const std::string runtime =
      R"(,"runtimeConfig":{"bandwidth":{")" + key + R"(":800,"ingressBurst":900}})";
  REQUIRE(parse(runtime).ingress);
  CHECK(parse(runtime).ingress->rate == 800);
  // Of the configuration's keys any, though it be 0 or a list of subnets, is all that counts.
  CHECK(parse(runtime + kEgress).ingress == std::nullopt);
  CHECK(parse(runtime + R"(,"egressBurst":0)").empty());
  CHECK(parse(runtime + R"(,"unshapedSubnets":["10.0.0.0/8"])").empty());
  CHECK(parse(runtime + R"(,"latency":7)").ingress->rate == 800);
}

TEST_CASE("numbers may be as large as the kernel takes them") {
  const auto limits = parse(R"(,"ingressRate":800000000000,"ingressBurst":34359738351)");
  CHECK(limits.ingress->rate == 800'000'000'000);
  CHECK(limits.ingress->burst == 34'359'738'351);  // 8 * (2^32 - 1) - 9: a bit less than 4 GiB
  CHECK(parse(R"(,"egressRate":8,"egressBurst":1)").egress->rate == 8);
}

TEST_CASE("what makes no limit is refused with the key's name") {
  struct Row {
    const char* keys;
    const char* word;
  };
  const auto row = GENERATE(
      Row{R"(,"ingressRate":8000)", "ingressBurst"}, Row{R"(,"ingressBurst":8000)", "ingressRate"},
      Row{R"(,"egressRate":8000,"egressBurst":0)", "egressBurst"},
      Row{R"(,"egressRate":0,"egressBurst":8000)", "egressRate"},
      Row{R"(,"ingressRate":7,"ingressBurst":80)", "8 bit/s"},
      Row{R"(,"ingressRate":80,"ingressBurst":34359738360)", "4 GiB"},
      Row{R"(,"ingressRate":-1,"ingressBurst":80)", "ingressRate"},
      Row{R"(,"ingressRate":8.5,"ingressBurst":80)", "ingressRate"},
      Row{R"(,"ingressRate":"8","ingressBurst":80)", "ingressRate"},
      Row{R"(,"ingressRate":9223372036854775808,"ingressBurst":80)", "ingressRate"},
      Row{R"(,"ingressRate":8000,"ingressBurst":true)", "ingressBurst"},
      Row{R"(,"runtimeConfig":{"bandwidth":{"egressRate":9}})",
          "runtimeConfig.bandwidth.egressBurst"},
      Row{R"(,"runtimeConfig":{"bandwidth":[]})", "runtimeConfig.bandwidth"});
  CAPTURE(row.keys);
  CHECK(refused(row.keys).find(row.word) != std::string::npos);
}

TEST_CASE("latency is of whole milliseconds, up to ten seconds") {
  CHECK(parse(R"(,"latency":1)").latency == std::chrono::milliseconds(1));
  CHECK(parse(R"(,"latency":10000)").latency == std::chrono::seconds(10));
  const std::string bad = GENERATE("0", "10001", "-1", "1.5", R"("25")");
  CHECK(refused(R"(,"latency":)" + bad).find("latency") != std::string::npos);
}

TEST_CASE("subnets lose their host bits and their doubles") {
  const auto limits = parse(
      kIngress + R"(,"unshapedSubnets":["10.1.2.3/16","fd00::5/64","10.1.9.9/16","0.0.0.0/0"])");
  CHECK(limits.unshaped == std::vector{*base::IpPrefix::parse("10.1.0.0/16"),
                                       *base::IpPrefix::parse("fd00::/64"),
                                       *base::IpPrefix::parse("0.0.0.0/0")});
  CHECK(limits.shaped.empty());
}

TEST_CASE("subnets that are none, or of both lists, are refused") {
  struct Row {
    const char* keys;
    const char* word;
  };
  const auto row = GENERATE(Row{R"(,"unshapedSubnets":["10.0.0.0/33"])", "10.0.0.0/33"},
                            Row{R"(,"shapedSubnets":["10.0.0.1"])", "10.0.0.1"},
                            Row{R"(,"shapedSubnets":"10.0.0.0/8")", "shapedSubnets"},
                            Row{R"(,"shapedSubnets":[7])", "shapedSubnets"},
                            Row{R"(,"unshapedSubnets":["10.0.0.0/8"],"shapedSubnets":["fd00::/8"])",
                                "cannot be combined"});
  CAPTURE(row.keys);
  CHECK(refused(kIngress + row.keys).find(row.word) != std::string::npos);
}
