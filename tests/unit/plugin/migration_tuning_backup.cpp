#include <catch2_any.h>

#include "plugin/migration/tuning_backup.h"
#include "request_maker.h"

TEST_CASE("the reference's file is where its configuration says, broken or not") {
  const auto path = [](const std::string& rest) {
    return migration::backup_path(make_request(patchcord_config(R"("type":"tuning")" + rest)));
  };
  CHECK(path("") == "/run/cni/tuning/c1_eth0.json");
  CHECK(path(R"(,"dataDir":"/x")") == "/x/c1_eth0.json");
  CHECK(path(R"(,"dataDir":"")") == "/run/cni/tuning/c1_eth0.json");
  CHECK(path(R"(,"dataDir":7)") == "/run/cni/tuning/c1_eth0.json");
}

TEST_CASE("what the reference's file says counts, and nothing of one that cannot be read") {
  const auto before = migration::parse_backup(
      R"({"mac":"c2:00:00:00:00:01","mtu":1500,"promisc":false,"allmulti":true,"txQLen":1000})");
  REQUIRE(before.mac);
  CHECK(before.mac->to_string() == "c2:00:00:00:00:01");
  CHECK(before.mtu == 1500U);
  CHECK(before.promiscuous == false);
  CHECK(before.all_multicast == true);
  CHECK(before.tx_queue_length == 1000U);
  CHECK(migration::parse_backup("{}") == attachment::LinkSettings{});
  CHECK(migration::parse_backup(GENERATE("", "[]", R"({"mtu":"x"})", R"({"mac":"zz"})")) ==
        attachment::LinkSettings{});
}
