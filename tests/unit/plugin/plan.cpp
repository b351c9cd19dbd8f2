#include "plugin/operations/shared/plan.h"

#include "catch2_any.h"
#include "plugin/cni/error.h"
#include "request_maker.h"

namespace {

base::IpPrefix prefix(const char* text) {
  return base::IpPrefix::parse(text).value();
}
base::IpAddress address(const char* text) {
  return base::IpAddress::parse(text).value();
}

config::Network bridge(const std::string& rest) {
  return config::parse_patchcord(make_request(patchcord_config(R"("mode":"bridge")" + rest)));
}

config::Network routed() {
  return config::parse_patchcord(make_request(
      patchcord_config(R"("mode":"routed","ipam":{"type":"host-local","subnet":"10.1.0.0/24"})")));
}

attachment::Attachment plan(const config::Network& network, const lease::Lease& lease) {
  auto result =
      operations::plan_links(make_request(patchcord_config(R"("mode":"bridge")")), network, 0);
  operations::plan_addresses(network, lease, result);
  return result;
}

const lease::Lease kDual{.ips = {{.address = prefix("10.1.0.5/24"), .gateway = address("10.1.0.1")},
                                 {.address = prefix("fd00::5/64"), .gateway = address("fd00::1")}}};

std::string shown(const std::vector<cni::Route>& routes) {
  std::string text;
  for (const auto& route : routes) {
    text += route.destination.to_string() +
            (route.gateway ? " via " + route.gateway->to_string() : "") + "; ";
  }
  return text;
}

}  // namespace

TEST_CASE("each attachment has names and MACs of its own") {
  const auto network = bridge("");
  const auto request = make_request(patchcord_config(R"("mode":"bridge")"));
  const auto one = operations::plan_links(request, network, 1400);
  const auto two = operations::plan_links(request, network, 1400);
  CHECK(one.pair.host_name == two.pair.host_name);  // the same attachment
  CHECK(one.pair.host_mac != two.pair.host_mac);
  CHECK(one.pair.container_mac != one.pair.host_mac);
  CHECK(one.pair.container_mac.is_usable());
  CHECK(one.pair.mtu == 1400);
}

TEST_CASE("a bridge that is no gateway has no address and needs no forwarding") {
  const auto result = plan(bridge(""), kDual);
  CHECK(result.bridge_port->gateways.empty());
  CHECK(result.forward.empty());
  CHECK(result.routes.empty());
}

TEST_CASE("a gateway has each family's address with the container's prefix length") {
  const auto result = plan(bridge(R"(,"isGateway":true)"), kDual);
  CHECK(result.bridge_port->gateways == std::vector{prefix("10.1.0.1/24"), prefix("fd00::1/64")});
  CHECK(result.forward.size() == 2);
  CHECK(result.routes.empty());
}

TEST_CASE("a gateway that IPAM does not name is the subnet's first address") {
  const auto result =
      plan(bridge(R"(,"isGateway":true)"), {.ips = {{.address = prefix("10.1.0.77/24")}}});
  CHECK(result.addresses[0].gateway == address("10.1.0.1"));
}

TEST_CASE("a default gateway adds one default route a family, and none beside IPAM's") {
  const auto network = bridge(R"(,"isDefaultGateway":true)");
  CHECK(shown(plan(network, kDual).routes) == "0.0.0.0/0 via 10.1.0.1; ::/0 via fd00::1; ");
  lease::Lease lease = kDual;
  lease.routes = {{.destination = prefix("0.0.0.0/0")}};
  CHECK(shown(plan(network, lease).routes) == "0.0.0.0/0 via 10.1.0.1; ::/0 via fd00::1; ");
  lease.routes = {{.destination = prefix("0.0.0.0/0"), .gateway = address("10.1.0.9")}};
  CHECK(shown(plan(network, lease).routes) == "0.0.0.0/0 via 10.1.0.9; ::/0 via fd00::1; ");
}

TEST_CASE("a route of narrow scope has no next hop") {
  lease::Lease lease = kDual;
  lease.routes = {{.destination = prefix("192.0.2.0/24"), .scope = std::uint8_t{253}},
                  {.destination = prefix("198.51.100.0/24")}};
  CHECK(shown(plan(bridge(""), lease).routes) == "192.0.2.0/24; 198.51.100.0/24 via 10.1.0.1; ");
}

TEST_CASE("two IPv4 gateways on one bridge cannot both be forced") {
  const lease::Lease two{
      .ips = {{.address = prefix("10.1.0.5/24"), .gateway = address("10.1.0.1")},
              {.address = prefix("10.2.0.5/24"), .gateway = address("10.2.0.1")}}};
  CHECK_THROWS_AS(plan(bridge(R"(,"isGateway":true,"forceAddress":true)"), two), cni::Error);
  CHECK(plan(bridge(R"(,"isGateway":true)"), two).bridge_port->gateways.size() == 2);
}

TEST_CASE(
    "a routed container has host prefixes, no gateways, and the node as next hop of everything") {
  const auto result = plan(routed(), kDual);
  CHECK(result.addresses[0].prefix == prefix("10.1.0.5/32"));
  CHECK(result.addresses[1].prefix == prefix("fd00::5/128"));
  CHECK_FALSE(result.addresses[0].gateway);
  CHECK(shown(result.routes) == "0.0.0.0/0 via 169.254.1.1; ::/0 via fe80::1; ");
  CHECK(result.pair.host_mac.to_string() == "ee:ee:ee:ee:ee:ee");
  CHECK(result.forward.size() == 2);
}

TEST_CASE(
    "configured routes of a routed container take the default route's place, through the node "
    "whatever they say") {
  lease::Lease lease = kDual;
  lease.routes = {{.destination = prefix("192.0.2.0/24"), .gateway = address("10.1.0.1")}};
  CHECK(shown(plan(routed(), lease).routes) == "192.0.2.0/24 via 169.254.1.1; ");
}

TEST_CASE("a routed container's route of a family without an address is refused") {
  const lease::Lease lease{.ips = {{.address = prefix("10.1.0.5/24")}},
                           .routes = {{.destination = prefix("::/0")}}};
  CHECK_THROWS_AS(plan(routed(), lease), cni::Error);
}

TEST_CASE("bits become bytes; the queue holds what may wait, five packets at least") {
  struct Row {
    config::RateLimit limit;
    int latency;  // ms
    attachment::RateLimit plan;
  };
  const auto row = GENERATE(Row{{8'000'000, 800'000}, 25, {1'000'000, 100'000, 125'000, 25'000}},
                            Row{{8'000'000, 800'000}, 100, {1'000'000, 100'000, 200'000, 100'000}},
                            // Not whole bytes, nor whole milliseconds' worth of them.
                            Row{{12'345'678, 80'007}, 25, {1'543'209, 10'000, 48'580, 38'580}},
                            // A burst smaller than a packet; a queue of less than five.
                            Row{{80'000, 8}, 25, {10'000, 1514, 1764, 7570}},
                            // As containerd has it: a burst of half a gigabyte.
                            Row{{8'000, 4'294'967'295}, 25, {1000, 536'870'911, 536'870'936, 7570}},
                            // What does not fit in 32 bits.
                            Row{{8'000'000'000'000, 34'359'738'351},
                                10'000,
                                {1'000'000'000'000, 4'294'967'293, UINT32_MAX, UINT32_MAX}});
  CAPTURE(row.limit.rate, row.limit.burst);
  const config::Bandwidth bandwidth{.ingress = row.limit,
                                    .latency = std::chrono::milliseconds(row.latency)};
  const auto plan = operations::plan_shaping({"net", "c1", "eth0"}, bandwidth, "v0", 1500);
  REQUIRE(plan.ingress);
  CHECK(plan.ingress->rate == row.plan.rate);
  CHECK(plan.ingress->burst == row.plan.burst);
  CHECK(plan.ingress->limit == row.plan.limit);
  CHECK(plan.ingress->queue == row.plan.queue);
}

TEST_CASE("an ifb is planned for what the container sends, with a name of its interface's") {
  const config::Bandwidth bandwidth{.egress = config::RateLimit{8000, 80'000},
                                    .shaped = {prefix("10.0.0.0/8")}};
  const auto plan = operations::plan_shaping({"net", "c1", "eth0"}, bandwidth, "v0", 1500);
  CHECK(plan.ifb.size() == 15);
  CHECK(plan.ifb.starts_with("bwp"));
  CHECK(plan.ifb != operations::plan_shaping({"net", "c1", "eth1"}, bandwidth, "v0", 1500).ifb);
  CHECK(plan.shapes_subnets);
  CHECK(plan.subnets == bandwidth.shaped);
  const auto inward = operations::plan_shaping(
      {"net", "c1", "eth0"},
      {.ingress = config::RateLimit{8000, 80'000}, .unshaped = {prefix("fd00::/8")}}, "v0", 1500);
  CHECK(inward.ifb.empty());
  CHECK_FALSE(inward.shapes_subnets);
  CHECK(inward.subnets.size() == 1);
}

TEST_CASE("sysctls that set others go first") {
  const auto plan = operations::plan_tuning({.sysctls = {{"net/ipv4/conf/all/forwarding", "1"},
                                                         {"net/ipv4/conf/a/forwarding", "0"},
                                                         {"net/ipv4/ip_forward", "1"},
                                                         {"net/core/somaxconn", "5"}}});
  std::string order;
  for (const auto& sysctl : plan.sysctls) order += sysctl.path + " ";
  CHECK(order ==
        "net/core/somaxconn net/ipv4/ip_forward net/ipv4/conf/all/forwarding "
        "net/ipv4/conf/a/forwarding ");
}
