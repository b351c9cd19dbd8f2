#include "plugin/attachment/attachment.h"

#include "catch2_any.h"
#include "plugin/attachment/record.h"

namespace {

base::IpPrefix prefix(const char* text) {
  return base::IpPrefix::parse(text).value();
}

attachment::Attachment example() {
  attachment::Attachment result;
  result.key = {.network = "net", .container_id = "c1", .ifname = "eth0"};
  result.netns_path = "/var/run/netns/c1";
  result.netns = {.device = 4, .inode = 4026532000};
  result.reservation = attachment::Reservation{.type = "host-local", .data_directory = "/d"};
  result.pair = {.host_name = "veth1",
                 .host_mac = base::MacAddress::parse("02:00:00:00:00:01").value(),
                 .container_mac = base::MacAddress::parse("02:00:00:00:00:02").value(),
                 .mtu = 1400,
                 .container_up = false,
                 .enable_dad = true,
                 .accept_ra = true};
  result.bridge_port = attachment::BridgePort{
      .bridge = "br0", .is_gateway = true, .hairpin = true, .gateways = {prefix("10.1.0.1/24")}};
  result.routed_port =
      attachment::RoutedPort{.next_hops = {base::IpAddress::parse("fe80::1").value()}};
  result.addresses = {
      {.prefix = prefix("10.1.0.5/24"), .gateway = base::IpAddress::parse("10.1.0.1")},
      {.prefix = prefix("fd00::5/64")}};
  result.routes = {{.destination = prefix("0.0.0.0/0"),
                    .gateway = base::IpAddress::parse("10.1.0.1"),
                    .mtu = 1300,
                    .priority = 5,
                    .table = 1000,
                    .scope = std::uint8_t{0}}};
  result.source_routes = {.table = 10003};
  result.forward = {base::Family::kIpv4, base::Family::kIpv6};
  return result;
}

}  // namespace

TEST_CASE("a record is read back as it was written") {
  const std::string line = attachment::to_record(example());
  const auto read = attachment::parse_record(line + "\n");
  REQUIRE(read);
  CHECK(attachment::to_record(*read) == line);
  CHECK(read->key == example().key);
  CHECK(read->netns == example().netns);
  CHECK(read->routes == example().routes);
  CHECK(read->pair.container_up == false);
  CHECK(read->pair.accept_ra);
  CHECK(read->bridge_port->is_gateway);
  CHECK(read->source_routes->table == 10003);
}

TEST_CASE("the last complete line of a record counts") {
  auto first = example();
  first.addresses.clear();
  const std::string text =
      attachment::to_record(first) + "\n" + attachment::to_record(example()) + "\n";
  CHECK(attachment::parse_record(text)->addresses.size() == 2);
  CHECK(attachment::parse_record(text + R"({"netwo)")->addresses.size() == 2);
}

TEST_CASE("what cannot be read is no record") {
  const auto text = GENERATE(as<std::string>{}, "", "\n", "x\n", "[]\n", "{\"network\":7}\n",
                             R"({"network":"n"})");
  CAPTURE(text);
  CHECK_FALSE(attachment::parse_record(text));
}

TEST_CASE("members that this version does not know survive a rewrite") {
  const std::string line = attachment::to_record(example());
  const std::string newer =
      line.substr(0, line.size() - 1) + R"(,"colour":{"of":"tomorrow"}})" + "\n";
  REQUIRE(attachment::parse_record(newer));
  CHECK(attachment::parse_record(newer)->key == example().key);
  CHECK_THAT(attachment::to_record(example(), newer),
             Catch::Matchers::Contains(R"("colour":{"of":"tomorrow"})"));
}

TEST_CASE("members within members survive a rewrite, and known ones are rewritten") {
  std::string newer = attachment::to_record(example()) + "\n";
  newer.replace(newer.find(R"("pair":{)"), 8, R"("pair":{"queues":4,)");
  auto changed = example();
  changed.pair.mtu = 9000;
  changed.addresses.clear();
  const std::string line = attachment::to_record(changed, newer);
  CHECK_THAT(line, Catch::Matchers::Contains(R"("queues":4)"));
  CHECK(attachment::parse_record(line + "\n")->pair.mtu == 9000);
  CHECK(attachment::parse_record(line + "\n")->addresses.empty());
}

TEST_CASE("the host end's name fits, and differs with each part of the key") {
  const attachment::Key key{.network = "net", .container_id = "c1", .ifname = "eth0"};
  const std::string name = attachment::host_name_of(key, "veth");
  CHECK(name.size() == 15);
  CHECK(name.substr(0, 4) == "veth");
  for (const attachment::Key& other :
       {attachment::Key{"net2", "c1", "eth0"}, attachment::Key{"net", "c2", "eth0"},
        attachment::Key{"net", "c1", "eth1"}, attachment::Key{"netc", "1", "eth0"}}) {
    CHECK(attachment::host_name_of(other, "veth") != name);
  }
  CHECK(attachment::host_name_of(key, "cali").substr(0, 4) == "cali");
}

TEST_CASE("an alias that is too long is cut, always in the same way, and stays one key's own") {
  const attachment::Key key{
      .network = "net", .container_id = std::string(300, 'a'), .ifname = "eth0"};
  const attachment::Key other{
      .network = "net", .container_id = std::string(300, 'a'), .ifname = "eth1"};
  CHECK(attachment::alias_of(key).size() == 255);
  CHECK(attachment::alias_of(key) == attachment::alias_of(key));
  CHECK(attachment::alias_of(key) != attachment::alias_of(other));
  CHECK(attachment::alias_of({"net", "c1", "eth0"}) == "patchcord net/c1/eth0");
}
