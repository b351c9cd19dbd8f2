#include "ipam/index.h"

#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

#include "base/temporary_directory.h"
#include "catch2_any.h"
#include "ipam/addresses.h"

using base::IpAddress;
using ipam::DirectoryState;
using ipam::Index;
using test::ip;
using test::ips;
using test::TemporaryDirectory;

namespace {

const DirectoryState kState{.device = 1, .inode = 2, .seconds = 3, .nanoseconds = 4};

void keep_one(const std::string& path) {
  Index index = Index::make(path);
  index.add(ip("10.1.0.5"), "pod");
  index.set_state(kState);
}

}  // namespace

TEST_CASE("a kept index is found again for the state it describes, and for no other") {
  const TemporaryDirectory place;
  const std::string path = place / "state/index";
  keep_one(path);
  auto index = Index::open(path, kState);
  REQUIRE(index.has_value());
  CHECK(index->addresses_of("pod") == ips({"10.1.0.5"}));
  CHECK_FALSE(index->next_free(ip("10.1.0.5"), ip("10.1.0.5")).has_value());
  CHECK(test::mode_of(path) == 0600);
  CHECK(test::mode_of(place / "state") == 0700);

  auto other = kState;
  SECTION("another device") {
    other.device = 9;
  }
  SECTION("another directory") {
    other.inode = 9;
  }
  SECTION("another second") {
    other.seconds = 9;
  }
  SECTION("another nanosecond") {
    other.nanoseconds = 9;
  }
  CHECK_FALSE(Index::open(path, other).has_value());
}

TEST_CASE("an index that describes no state yet is not found") {
  const TemporaryDirectory place;
  { (void)Index::make(place / "index"); }
  CHECK_FALSE(Index::open(place / "index", kState).has_value());
}

TEST_CASE("a file that is not a whole index of ours is not used") {
  const TemporaryDirectory place;
  const std::string path = place / "index";
  keep_one(path);
  const std::string good = test::read_text(path);
  SECTION("an empty one") {
    test::write_text(path, "");
  }
  SECTION("a short one") {
    test::write_text(path, good.substr(0, 20));
  }
  SECTION("one cut off") {
    test::write_text(path, good.substr(0, good.size() - 1));
  }
  SECTION("one grown") {
    test::write_text(path, good + "x");
  }
  SECTION("another form") {
    test::write_text(path, "X" + good.substr(1));
  }
  SECTION("one that others can write") {
    REQUIRE(::chmod(path.c_str(), 0666) == 0);
  }
  SECTION("one that its group can write") {
    REQUIRE(::chmod(path.c_str(), 0620) == 0);
  }
  SECTION("a directory") {
    std::filesystem::remove(path);
    std::filesystem::create_directory(path);
  }
  SECTION("a symbolic link") {
    std::filesystem::rename(path, place / "elsewhere");
    std::filesystem::create_symlink(place / "elsewhere", path);
  }
  SECTION("nothing") {
    std::filesystem::remove(path);
  }
  CHECK_FALSE(Index::open(path, kState).has_value());
}

TEST_CASE("an index of another user is not used", "[root]") {
  if (::geteuid() != 0) return;
  const TemporaryDirectory place;
  keep_one(place / "index");
  REQUIRE(Index::open(place / "index", kState).has_value());
  REQUIRE(::chown((place / "index").c_str(), 12345, 0) == 0);
  CHECK_FALSE(Index::open(place / "index", kState).has_value());
}

TEST_CASE("an index that cannot be kept works all the same") {
  const TemporaryDirectory place;
  std::string path;
  SECTION("where none is wanted") {
    path = "";
  }
  SECTION("where a file takes the directory's place") {
    test::write_text(place / "file", "");
    path = place / "file/index";
  }
  SECTION("where a directory takes its place") {
    path = place / "index";
    std::filesystem::create_directory(path);
  }
  SECTION("where others can write the directory") {
    std::filesystem::create_directory(place / "shared");
    REQUIRE(::chmod((place / "shared").c_str(), 0777) == 0);
    path = place / "shared/index";
  }
  keep_one(path);
  Index index = Index::make(path);
  for (int i = 0; i < 5000; ++i) {
    index.add(ip("10.1.0.0").plus(static_cast<std::uint64_t>(i)), "pod" + std::to_string(i));
  }
  CHECK(index.addresses_of("pod4999") == ips({"10.1.19.135"}));
  CHECK_FALSE(Index::open(path, kState).has_value());
}

TEST_CASE("damaged slots neither stop an index nor trap it") {
  const TemporaryDirectory place;
  const std::string path = place / "index";
  keep_one(path);
  std::string bytes = test::read_text(path);
  std::fill(bytes.begin() + 56, bytes.end(), '\xff');  // behind the header: every slot is in use
  test::write_text(path, bytes);
  auto index = Index::open(path, kState);
  REQUIRE(index.has_value());
  CHECK(index->addresses_of("pod").empty());
  CHECK(index->next_free(ip("10.1.0.5"), ip("10.1.0.9")) == ip("10.1.0.5"));
  index->add(ip("10.1.0.5"), "pod");
  index->remove(ip("10.1.0.5"), "pod");
}

TEST_CASE("an index agrees with a simple model of it through growth and removal") {
  const TemporaryDirectory place;
  Index index = Index::make(place / "index");
  std::map<IpAddress, std::string> model;
  std::mt19937 random(1);
  const auto base_address = GENERATE(ip("10.1.0.0"), ip("2001:db8::fff0"), ip("::"));
  for (int i = 0; i < 20'000; ++i) {
    const IpAddress address = base_address.plus(random() % 3000 * (random() % 2 == 0 ? 1 : 300));
    const auto found = model.find(address);
    if (found == model.end()) {
      const std::string owner = "pod" + std::to_string(random() % 1500);
      model[address] = owner;
      index.add(address, owner);
    } else if (random() % 3 != 0) {
      index.remove(address, found->second);
      model.erase(found);
    }
  }
  std::map<std::string, std::vector<IpAddress>> by_owner;
  for (const auto& [address, owner] : model) by_owner[owner].push_back(address);
  std::size_t wrong = 0;
  for (int i = 0; i < 1500; ++i) {
    const std::string owner = "pod" + std::to_string(i);
    if (index.addresses_of(owner) != by_owner[owner]) ++wrong;
  }
  CHECK(wrong == 0);
  const IpAddress last = base_address.plus(1'000'000);
  for (int i = 0; i < 3000; ++i) {
    const IpAddress from = base_address.plus(static_cast<std::uint64_t>(i));
    IpAddress expected = from;
    while (model.contains(expected)) expected = expected.next();
    if (index.next_free(from, last) != expected) ++wrong;
  }
  for (const auto& [address, owner] : model) {
    if (index.next_free(address, address)) ++wrong;
  }
  CHECK(wrong == 0);
  while (!model.empty()) {
    index.remove(model.begin()->first, model.begin()->second);
    model.erase(model.begin());
  }
  CHECK(index.next_free(base_address, last) == base_address);
}

TEST_CASE("a free address is looked for up to the end of the range and of the family") {
  struct Row {
    const char* from;
    const char* last;
    const char* free;
  };
  Index index = Index::make("");
  for (std::uint64_t i = 0; i < 1024; ++i) index.add(ip("10.1.0.0").plus(i));
  for (std::uint64_t i = 0; i < 300; ++i) index.add(ip("255.255.254.212").plus(i));
  index.remove(ip("10.1.1.63"), "");
  index.remove(ip("10.1.2.0"), "");
  const auto row =
      GENERATE(Row{"10.0.0.0", "10.2.0.0", "10.0.0.0"}, Row{"10.1.0.0", "10.2.0.0", "10.1.1.63"},
               Row{"10.1.1.63", "10.2.0.0", "10.1.1.63"}, Row{"10.1.1.64", "10.2.0.0", "10.1.2.0"},
               Row{"10.1.2.1", "10.2.0.0", "10.1.4.0"}, Row{"10.1.2.1", "10.1.3.255", ""},
               Row{"10.1.0.9", "10.1.1.62", ""}, Row{"10.1.0.9", "10.1.1.63", "10.1.1.63"},
               Row{"255.255.255.0", "255.255.255.255", ""});
  const auto free = index.next_free(ip(row.from), ip(row.last));
  CHECK((free ? free->to_string() : "") == row.free);
}

TEST_CASE("reservations that nobody owns are taken and found under no owner") {
  Index index = Index::make("");
  index.add(ip("10.1.0.5"));
  CHECK(index.next_free(ip("10.1.0.5"), ip("10.1.0.9")) == ip("10.1.0.6"));
  CHECK(index.addresses_of("").empty());
}
