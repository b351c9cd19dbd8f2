#include "ipam/blocks.h"

#include <filesystem>
#include <limits>

#include "base/error.h"
#include "base/temporary_directory.h"
#include "catch2_any.h"
#include "ipam/addresses.h"
#include "ipam/error.h"

using ipam::Block;
using ipam::BlockSpace;
using ipam::BlockUse;
using ipam::InvalidRange;
using test::prefix;

namespace {

std::vector<base::IpPrefix> prefixes(const std::vector<std::string>& texts) {
  std::vector<base::IpPrefix> list;
  for (const auto& text : texts) list.push_back(prefix(text));
  return list;
}

BlockSpace space(const std::vector<std::string>& cidrs, unsigned length) {
  return {prefixes(cidrs), length};
}

std::string what_is_wrong(const std::string& text) {
  try {
    (void)ipam::parse_blocks(text, "blocks");
  } catch (const InvalidRange& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("blocks are numbered through all CIDRs of a pool", "[blocks]") {
  const auto pool = space({"10.50.0.0/24", "10.9.0.0/25"}, 26);
  CHECK(pool.count() == 6);
  CHECK(pool.at(0) == prefix("10.50.0.0/26"));
  CHECK(pool.at(3) == prefix("10.50.0.192/26"));
  CHECK(pool.at(5) == prefix("10.9.0.64/26"));
  for (std::uint64_t number = 0; number < pool.count(); ++number)
    CHECK(pool.number_of(pool.at(number)) == number);
  CHECK_THROWS_AS(pool.at(6), InvalidRange);
}

TEST_CASE("what is none of a pool's blocks has no number", "[blocks]") {
  const auto pool = space({"10.50.0.0/24"}, 26);
  CHECK_FALSE(pool.number_of(prefix("10.50.1.0/26")));
  CHECK_FALSE(pool.number_of(prefix("10.50.0.0/27")));
  CHECK_FALSE(pool.number_of(prefix("10.50.0.1/26")));
  CHECK_FALSE(pool.number_of(prefix("fd50::/26")));
}

TEST_CASE("a pool may have more blocks than there are numbers", "[blocks]") {
  const auto pool = space({"fd50::/48"}, 122);
  CHECK(pool.count() == std::numeric_limits<std::uint64_t>::max());
  CHECK(pool.at(0) == prefix("fd50::/122"));
  CHECK(pool.at(5) == prefix("fd50::140/122"));
  CHECK(pool.number_of(prefix("fd50::140/122")) == 5U);
  CHECK(pool.number_of(prefix("fd50:0:0:ffff::/122")) == std::numeric_limits<std::uint64_t>::max());
}

TEST_CASE("blocks may be wider than 64 bits of addresses", "[blocks]") {
  const auto pool = space({"fd50::/32"}, 48);
  CHECK(pool.count() == 65536);
  CHECK(pool.at(65535) == prefix("fd50:0:ffff::/48"));
  CHECK(pool.number_of(prefix("fd50:0:100::/48")) == 256U);
}

TEST_CASE("the first block that nobody has", "[blocks]") {
  const auto pool = space({"10.50.0.0/24"}, 26);
  CHECK(pool.first_but({}) == prefix("10.50.0.0/26"));
  CHECK(pool.first_but(prefixes({"10.50.0.64/26"})) == prefix("10.50.0.0/26"));
  CHECK(pool.first_but(prefixes({"10.50.0.0/26", "10.50.0.64/26"})) == prefix("10.50.0.128/26"));
  // Of another size, from a time when the file was somebody else's.
  CHECK(pool.first_but(prefixes({"10.50.0.0/25"})) == prefix("10.50.0.128/26"));
  CHECK_FALSE(pool.first_but(
      prefixes({"10.50.0.0/26", "10.50.0.64/26", "10.50.0.128/26", "10.50.0.192/26"})));
  CHECK_FALSE(pool.first_but(prefixes({"10.50.0.0/24"})));
}

TEST_CASE("what is no pool is refused", "[blocks]") {
  CHECK_THROWS_AS(space({}, 26), InvalidRange);
  CHECK_THROWS_AS(space({"10.50.0.1/24"}, 26), InvalidRange);
  CHECK_THROWS_AS(space({"10.50.0.0/24", "fd50::/64"}, 26), InvalidRange);
  CHECK_THROWS_AS(space({"10.50.0.0/24"}, 23), InvalidRange);
  CHECK_THROWS_AS(space({"10.50.0.0/24"}, 33), InvalidRange);
  CHECK_THROWS_AS(space({"10.50.0.0/16", "10.51.0.0/16", "10.50.3.0/24"}, 26), InvalidRange);
}

TEST_CASE("a file of blocks is read as it was written, also by people", "[blocks]") {
  const std::vector<Block> blocks = {{prefix("10.50.7.0/26")},
                                     {prefix("10.50.0.0/26"), BlockUse::kDraining},
                                     {prefix("10.50.1.0/26"), BlockUse::kLost}};
  CHECK(ipam::print_blocks(blocks) == "10.50.7.0/26\n10.50.0.0/26 drain\n10.50.1.0/26 lost\n");
  CHECK(ipam::parse_blocks(ipam::print_blocks(blocks), "blocks") == blocks);
  CHECK(ipam::parse_blocks("# by Ansible\n\n 10.50.7.0/26 \r\n10.50.0.0/26\tdrain # later\n"
                           "10.50.1.0/26 lost",
                           "blocks") == blocks);
  CHECK(ipam::parse_blocks("", "blocks").empty());
}

TEST_CASE("a file of blocks says which line is wrong", "[blocks]") {
  CHECK(what_is_wrong("10.50.0.0/26\nten\n").starts_with("blocks:2: \"ten\" is no block"));
  CHECK(what_is_wrong("10.50.0.5/26\n").starts_with("blocks:1: block 10.50.0.5/26 has host bits"));
  CHECK(what_is_wrong("10.50.0.0/26 gone\n").starts_with("blocks:1: \"gone\" behind"));
  CHECK(what_is_wrong("10.50.0.0/26\n\nfd50::/122\n").starts_with("blocks:3: "));
  CHECK(what_is_wrong("10.50.0.0/24\n10.60.0.0/24\n10.50.0.64/26\n") ==
        "blocks: 10.50.0.0/24 and 10.50.0.64/26 overlap");
}

TEST_CASE("names of pools are names of directories, and of no others", "[blocks]") {
  for (const auto* name : {"pods", "pods6", "rack-1.pods_a", "0"}) CHECK(ipam::is_pool_name(name));
  for (const auto* name : {"", ".", "..", "-x", "_x", "a/b", "a b", "p\xc3\xb6"})
    CHECK_FALSE(ipam::is_pool_name(name));
  CHECK(ipam::is_pool_name(std::string(63, 'a')));
  CHECK_FALSE(ipam::is_pool_name(std::string(64, 'a')));
}

TEST_CASE("the files of a pool are replaced as a whole, and with its lock", "[blocks]") {
  const test::TemporaryDirectory root;
  const ipam::PoolPlace place{root.path() + "/pools/pods"};
  CHECK(place.name() == "pods");
  CHECK(ipam::read_blocks(place).empty());
  CHECK_FALSE(ipam::read_definition(place));
  CHECK(ipam::list_pools(root.path() + "/pools").empty());
  {
    const ipam::PoolFiles files(place, std::chrono::seconds(0));
    files.write_definition("{}");
    files.write_blocks({{prefix("10.50.0.0/26")}});
    files.write_blocks({{prefix("10.50.0.0/26")}, {prefix("10.50.0.64/26")}});
    CHECK_THROWS_AS(ipam::PoolFiles(place, std::chrono::milliseconds(1)), base::LockTimeout);
  }
  CHECK(ipam::PoolFiles(place, std::chrono::seconds(0)).blocks().size() == 2);
  CHECK(ipam::read_definition(place) == "{}");
  std::filesystem::create_directory(root.path() + "/pools/.hidden");
  const auto pools = ipam::list_pools(root.path() + "/pools");
  REQUIRE(pools.size() == 1);
  CHECK(pools.front().name() == "pods");
  std::size_t entries = 0;
  for (const auto& each : std::filesystem::directory_iterator(place.directory))
    entries += each.path().empty() ? 0U : 1U;
  CHECK(entries == 3);
}
