#include "ipam/host_local_store.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/full_disk.h"
#include "catch2_any.h"
#include "ipam/host_local_fixture.h"

using ipam::Owner;
using test::ip;
using test::ips;
using test::Network;
using test::range;

namespace {

const std::string kSubnet = "10.1.0.0/24";
const Owner kPod{"pod", "eth0"};

timespec modified(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mtim;
}

ino_t inode(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

void set_modified(const std::string& path, const timespec& time) {
  const timespec times[2] = {time, time};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
}

// True where the operation believed the index that it found, rather than to make a new one.
template <typename Operation>
bool uses_index(const Network& network, Operation operation) {
  // A second name, so that the file's number is not given to a new file.
  const std::string kept = network.index() + ".kept";
  std::filesystem::create_hard_link(network.index(), kept);
  operation();
  const bool is_same = inode(network.index()) == inode(kept);
  std::filesystem::remove(kept);
  return is_same;
}

}  // namespace

TEST_CASE("what one operation reserves the next ones see, and can release once") {
  const Network network;
  CHECK(network.allocate(kPod, kSubnet) == "10.1.0.2");
  CHECK(network.held_by(kPod) == ips({"10.1.0.2"}));
  CHECK(network.open()->holder_of(ip("10.1.0.2")) == kPod);
  CHECK_FALSE(network.open()->holder_of(ip("10.1.0.3")).has_value());
  CHECK_FALSE(network.open()->reserve(ip("10.1.0.2"), {"other", "eth0"}));
  CHECK_FALSE(network.open()->release(ip("10.1.0.2"), {"other", "eth0"}));
  CHECK_FALSE(network.open()->release(ip("10.1.0.2"), {"pod", "eth1"}));
  CHECK(network.release(kPod) == ips({"10.1.0.2"}));
  CHECK(network.release(kPod).empty());
  CHECK(network.reserved().empty());
  CHECK(test::read_text(network.file("last_reserved_ip.0")) == "10.1.0.2");
}

TEST_CASE("a released address rests until the round robin has come around") {
  const Network network;
  const std::string subnet = "10.1.0.0/29";
  CHECK(network.allocate(kPod, subnet) == "10.1.0.2");
  network.release(kPod);
  CHECK(network.allocate(kPod, subnet) == "10.1.0.3");
}

TEST_CASE("a directory that does not exist is neither made nor an error") {
  const Network network;
  CHECK(ipam::find_host_local_store(network.place(), std::chrono::seconds(1)) == nullptr);
  CHECK_FALSE(std::filesystem::exists(network.data_directory()));
  (void)network.allocate(kPod, kSubnet);
  const auto store = ipam::find_host_local_store(network.place(), std::chrono::seconds(1));
  REQUIRE(store != nullptr);
  CHECK(store->held_by(kPod) == ips({"10.1.0.2"}));
}

TEST_CASE("an operation that finds things as the last one left them believes the index") {
  const Network network;
  (void)network.allocate({"first", "eth0"}, kSubnet);
  CHECK(uses_index(network, [&] { CHECK(network.allocate(kPod, kSubnet) == "10.1.0.3"); }));
  CHECK(uses_index(network, [&] { CHECK(network.held_by(kPod).size() == 1); }));
  CHECK(uses_index(network, [&] { CHECK(network.release(kPod).size() == 1); }));
  CHECK(uses_index(network, [&] { CHECK(network.release(kPod).empty()); }));
  CHECK(uses_index(network, [&] { CHECK_FALSE(network.open()->reserve(ip("10.1.0.2"), kPod)); }));
  CHECK(uses_index(network, [&] { CHECK(network.allocate(kPod, kSubnet) == "10.1.0.4"); }));
}

TEST_CASE("the stamp is a time that no clock gives, and never the same again") {
  const Network network;
  (void)network.allocate({"first", "eth0"}, kSubnet);
  const timespec first = modified(network.directory());
  (void)network.allocate(kPod, kSubnet);
  const timespec second = modified(network.directory());
  CHECK(first.tv_sec < 1'000'000'001);
  CHECK((first.tv_sec != second.tv_sec || first.tv_nsec != second.tv_nsec));
}

TEST_CASE("a change by somebody else is noticed") {
  const Network network;
  (void)network.allocate({"first", "eth0"}, kSubnet);
  SECTION("a new reservation") {
    test::write_text(network.file("10.1.0.3"), "foreign\r\neth0");
    CHECK(network.allocate(kPod, kSubnet) == "10.1.0.4");
    CHECK(network.held_by({"foreign", "eth0"}) == ips({"10.1.0.3"}));
  }
  SECTION("a reservation gone") {
    std::filesystem::remove(network.file("10.1.0.2"));
    CHECK(network.held_by({"first", "eth0"}).empty());
    CHECK(network.open()->next_free(range(kSubnet), ip("10.1.0.2")) == ip("10.1.0.2"));
  }
  SECTION("a reservation in other hands") {
    std::filesystem::remove(network.file("10.1.0.2"));
    test::write_text(network.file("10.1.0.2"), "foreign\r\neth0");
    CHECK(network.release({"first", "eth0"}).empty());
    CHECK(network.release({"foreign", "eth0"}) == ips({"10.1.0.2"}));
  }
  SECTION("a directory put back from a copy, times included") {
    const timespec then = modified(network.directory());
    (void)network.allocate(kPod, kSubnet);
    std::filesystem::remove(network.file("10.1.0.3"));
    set_modified(network.directory(), then);
    CHECK(network.held_by(kPod).empty());
  }
  SECTION("everything gone") {
    std::filesystem::remove_all(network.directory());
    CHECK(network.held_by({"first", "eth0"}).empty());
    CHECK(network.allocate(kPod, kSubnet) == "10.1.0.2");
  }
}

TEST_CASE("a reservation whose content changed unnoticed is not released to its old owner") {
  const Network network;
  (void)network.allocate(kPod, kSubnet);
  // Written in place, which leaves the directory's time alone.
  test::write_text(network.file("10.1.0.2"), "foreign\r\neth0");
  CHECK(network.held_by(kPod).empty());
  CHECK(network.release(kPod).empty());
  CHECK(network.reserved() == std::set<std::string>{"10.1.0.2"});
}

TEST_CASE("an operation killed half-way is noticed by the next one") {
  const Network network;
  (void)network.allocate({"first", "eth0"}, kSubnet);
  const std::string index = test::read_text(network.index());
  const timespec stamp = modified(network.directory());
  SECTION("after the reservation, before the index") {
    // Its effects, less those that come later: the index is the old one, the time is not the stamp.
    (void)network.allocate(kPod, kSubnet);
    test::write_text(network.index(), index);
  }
  SECTION("after the index, before the stamp") {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto store = network.open();
      (void)!store->reserve(ip("10.1.0.3"), kPod);
      ::_exit(0);  // without the destructor
    }
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    CHECK(modified(network.directory()).tv_sec != stamp.tv_sec);
  }
  CHECK_FALSE(uses_index(network, [&] { CHECK(network.held_by(kPod) == ips({"10.1.0.3"})); }));
  CHECK(network.allocate({"next", "eth0"}, kSubnet) == "10.1.0.4");
}

TEST_CASE("a release killed half-way is noticed by the next operation") {
  const Network network;
  (void)network.allocate(kPod, kSubnet);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto store = network.open();
    (void)store->release(ip("10.1.0.2"), kPod);
    ::_exit(0);
  }
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  CHECK_FALSE(uses_index(network, [&] { CHECK(network.held_by(kPod).empty()); }));
  CHECK(network.open()->next_free(range(kSubnet), ip("10.1.0.2")) == ip("10.1.0.2"));
}

TEST_CASE("a failed operation leaves an index that can be believed") {
  const Network network;
  (void)network.allocate({"first", "eth0"}, kSubnet);
  const ipam::Request request{.owner = kPod,
                              .sets = {{range(kSubnet)}, {range("10.2.0.0/24")}},
                              .requested = ips({"10.2.0.9"})};
  test::write_text(network.file("10.2.0.9"), "foreign\r\neth0");
  CHECK_THROWS(ipam::allocate(*network.open(), request));
  CHECK(uses_index(network, [&] {
    CHECK(network.held_by(kPod).empty());
    CHECK(network.open()->next_free(range(kSubnet), ip("10.1.0.2")) == ip("10.1.0.3"));
  }));
  CHECK(network.reserved() == std::set<std::string>{"10.1.0.2", "10.2.0.9"});
}

TEST_CASE("an index that has to grow is believed afterwards") {
  const Network network;
  (void)network.allocate({"first", "eth0"}, kSubnet);
  {
    const auto store = network.open();
    for (int i = 0; i < 3000; ++i) {
      const auto address = ip("10.1.1.0").plus(static_cast<std::uint64_t>(i));
      REQUIRE(store->reserve(address, {"pod" + std::to_string(i), "eth0"}));
    }
  }
  CHECK(uses_index(network, [&] {
    CHECK(network.held_by({"pod2999", "eth0"}) == ips({"10.1.12.183"}));
    CHECK(network.open()->next_free(range("10.1.0.0/16"), ip("10.1.1.0")) == ip("10.1.12.184"));
  }));
}

TEST_CASE("a change that failed half-way leaves an index that is not believed") {
  const Network network;
  (void)network.allocate({"first", "eth0"}, kSubnet);
  {
    const auto store = network.open();
    const test::FullDisk full;
    // The file is made, and its content has no room.
    CHECK_THROWS_AS(store->set_last_reserved(5, ip("10.1.0.2")), base::SystemError);
  }
  CHECK_FALSE(uses_index(network, [&] { CHECK(network.held_by(kPod).empty()); }));
  CHECK(uses_index(network, [&] { CHECK(network.held_by(kPod).empty()); }));
}

TEST_CASE("a full disk makes a reservation fail, and leaves nothing of it") {
  const Network network;
  (void)network.allocate({"first", "eth0"}, kSubnet);
  {
    const test::FullDisk full;
    CHECK_THROWS_AS(network.allocate(kPod, kSubnet), base::SystemError);
  }
  CHECK(network.reserved() == std::set<std::string>{"10.1.0.2"});
  CHECK(test::read_text(network.file("last_reserved_ip.0")) == "10.1.0.2");
  CHECK(network.allocate(kPod, kSubnet) == "10.1.0.3");
}

TEST_CASE("where no index can be kept, everything works by reading the reservations") {
  const Network network;
  std::filesystem::create_directories(network.index());
  CHECK(network.allocate({"first", "eth0"}, kSubnet) == "10.1.0.2");
  CHECK(network.allocate(kPod, kSubnet) == "10.1.0.3");
  CHECK(network.held_by(kPod) == ips({"10.1.0.3"}));
  CHECK(network.release(kPod) == ips({"10.1.0.3"}));
  CHECK(network.reserved() == std::set<std::string>{"10.1.0.2"});
}

TEST_CASE("an index that others could have written is not believed") {
  const Network network;
  (void)network.allocate(kPod, kSubnet);
  REQUIRE(::chmod(network.index().c_str(), 0666) == 0);
  CHECK_FALSE(uses_index(network, [&] { CHECK(network.held_by(kPod) == ips({"10.1.0.2"})); }));
  CHECK(test::mode_of(network.index()) == 0600);
}

TEST_CASE("the directory itself may not be a symbolic link") {
  const Network network;
  std::filesystem::create_directories(network.data_directory() + "/elsewhere");
  std::filesystem::create_directory_symlink("elsewhere", network.directory());
  CHECK_THROWS_AS(network.open(), base::SystemError);
}

TEST_CASE("a store that is too long in use by another process is an error with its name") {
  const Network network;
  const auto store = network.open();
  CHECK_THROWS_AS(ipam::open_host_local_store(network.place(), std::chrono::milliseconds(20)),
                  base::LockTimeout);
  CHECK_THROWS_WITH(ipam::open_host_local_store(network.place(), std::chrono::milliseconds(20)),
                    Catch::Matchers::StartsWith("lock " + network.file("lock") +
                                                ": not free within 20 ms, held by process " +
                                                std::to_string(::getpid()) + " ("));
}

TEST_CASE("a failure names the file with its path") {
  const Network network;
  const auto store = network.open();
  REQUIRE(store->held_by(kPod).empty());
  std::filesystem::remove_all(network.directory());
  CHECK_THROWS_WITH(store->reserve(ip("10.1.0.2"), kPod),
                    Catch::Matchers::StartsWith("create " + network.file("10.1.0.2") + ": "));
}

TEST_CASE("processes that allocate at the same time never get one address twice") {
  const Network network;
  constexpr int kProcesses = 8;
  constexpr int kEach = 50;
  std::map<pid_t, int> children;
  for (int number = 0; number < kProcesses; ++number) {
    const pid_t child = ::fork();
    if (child == 0) {
      int failures = 0;
      for (int i = 0; i < kEach; ++i) {
        const Owner owner{"pod" + std::to_string(number) + "-" + std::to_string(i), "eth0"};
        try {
          const std::string address = network.allocate(owner, "10.1.0.0/16");
          if (test::read_text(network.file(address)) != owner.container_id + "\r\neth0") ++failures;
          // Every other one goes again, so that releases mix with allocations.
          if (i % 2 == 0 && network.release(owner) != ips({address.c_str()})) ++failures;
        } catch (const std::exception&) {
          ++failures;
        }
      }
      ::_exit(failures);
    }
    children[child] = number;
  }
  for (const auto& [child, number] : children) {
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
  CHECK(network.reserved().size() == kProcesses * kEach / 2);
  CHECK(uses_index(network, [&] { CHECK(network.held_by({"pod7-1", "eth0"}).size() == 1); }));
}

TEST_CASE("all who hold addresses are listed once, and what has no owner is left out") {
  const Network network;
  REQUIRE(network.open()->owners().empty());
  (void)network.allocate(kPod, kSubnet);
  (void)network.allocate({"pod", "net1"}, kSubnet);
  const std::map<std::string, std::string> files = {{"10.1.0.50", "old"},
                                                    {"10.1.0.51", "pod\r\neth0"},
                                                    {"10.1.0.52", ""},
                                                    {"no-address", "nobody\r\neth0"}};
  for (const auto& [name, text] : files) std::ofstream(network.file(name)) << text;
  CHECK(network.open()->owners() ==
        std::vector<Owner>{{"old", ""}, {"pod", "eth0"}, {"pod", "net1"}});
}
