// What is in the reservations' directory, file by file: ours, the reference's, and other things.

#include <filesystem>
#include <set>
#include <string>

#include <sys/stat.h>

#include "catch2_any.h"
#include "ipam/host_local_fixture.h"
#include "ipam/host_local_store.h"

using ipam::Owner;
using test::ip;
using test::ips;
using test::Network;

namespace {

const std::string kSubnet = "10.1.0.0/24";
const Owner kPod{"pod", "eth0"};

}  // namespace

TEST_CASE("the files are the reference's, byte for byte") {
  const Network network;
  CHECK(network.allocate(kPod, kSubnet) == "10.1.0.2");
  CHECK(test::read_text(network.file("10.1.0.2")) == "pod\r\neth0");
  CHECK(test::read_text(network.file("last_reserved_ip.0")) == "10.1.0.2");
  CHECK(test::read_text(network.file("lock")).empty());
  CHECK(test::count_entries(network.directory()) == 3);
  CHECK(test::mode_of(network.directory()) == 0755);
  CHECK(test::mode_of(network.file("10.1.0.2")) == 0600);
  CHECK(test::mode_of(network.file("last_reserved_ip.0")) == 0600);
  CHECK(test::mode_of(network.file("lock")) == 0750);
}

TEST_CASE("an IPv6 reservation is named as Go prints the address") {
  const Network network;
  CHECK(network.allocate(kPod, "2001:db8:0:0::/64") == "2001:db8::2");
  CHECK(test::read_text(network.file("2001:db8::2")) == "pod\r\neth0");
}

TEST_CASE("a shorter address replaces a longer one as the last reserved") {
  const Network network;
  const auto store = network.open();
  store->set_last_reserved(3, ip("10.1.0.200"));
  store->set_last_reserved(3, ip("10.1.0.9"));
  CHECK(test::read_text(network.file("last_reserved_ip.3")) == "10.1.0.9");
  CHECK(store->last_reserved(3) == ip("10.1.0.9"));
  CHECK_FALSE(store->last_reserved(0).has_value());
  store->set_last_reserved(3, std::nullopt);
  CHECK_FALSE(std::filesystem::exists(network.file("last_reserved_ip.3")));
}

TEST_CASE("a damaged last reserved address is none") {
  const Network network;
  const auto store = network.open();
  const std::string text = GENERATE("", "nonsense", "10.1.0", std::string(1000, '1'));
  test::write_text(network.file("last_reserved_ip.0"), text);
  CHECK_FALSE(store->last_reserved(0).has_value());
  test::write_text(network.file("last_reserved_ip.0"), " 10.1.0.7\n");
  CHECK(store->last_reserved(0) == ip("10.1.0.7"));
}

TEST_CASE("a reservation of the old form counts where the owner has none of the present one") {
  const Network network;
  (void)network.open();
  test::write_text(network.file("10.1.0.7"), "pod");
  CHECK(network.open()->holder_of(ip("10.1.0.7")) == Owner{"pod", ""});
  CHECK(network.held_by(kPod) == ips({"10.1.0.7"}));
  SECTION("alone, it is released") {
    CHECK(network.release(kPod) == ips({"10.1.0.7"}));
    CHECK(network.reserved().empty());
  }
  SECTION("beside one of the present form, it stays") {
    test::write_text(network.file("10.1.0.8"), "pod\r\neth0");
    CHECK_FALSE(network.open()->release(ip("10.1.0.7"), kPod));
    CHECK(network.release(kPod) == ips({"10.1.0.8"}));
    CHECK(network.reserved() == std::set<std::string>{"10.1.0.7"});
  }
}

TEST_CASE("white space around a reservation's content does not count") {
  const Network network;
  (void)network.open();
  const std::string text = GENERATE("pod\r\neth0\n", "\n pod\r\neth0 \t\r\n");
  test::write_text(network.file("10.1.0.7"), text);
  CHECK(network.open()->holder_of(ip("10.1.0.7")) == kPod);
  CHECK(network.release(kPod) == ips({"10.1.0.7"}));
}

TEST_CASE("a reservation that says nothing sensible is taken, and nobody's") {
  const Network network;
  (void)network.open();
  SECTION("an empty file") {
    test::write_text(network.file("10.1.0.2"), "");
  }
  SECTION("white space") {
    test::write_text(network.file("10.1.0.2"), " \r\n");
  }
  SECTION("a huge file") {
    test::write_text(network.file("10.1.0.2"), std::string(1 << 20, 'x'));
  }
  SECTION("a directory") {
    std::filesystem::create_directory(network.file("10.1.0.2"));
  }
  SECTION("a named pipe") {
    REQUIRE(::mkfifo(network.file("10.1.0.2").c_str(), 0600) == 0);
  }
  SECTION("a symbolic link, which is not followed") {
    test::write_text(network.file("content"), "pod\r\neth0");
    std::filesystem::create_symlink("content", network.file("10.1.0.2"));
  }
  CHECK(network.held_by(kPod).empty());
  CHECK(network.open()->holder_of(ip("10.1.0.2")) == Owner{});
  CHECK(network.release(kPod).empty());
  CHECK(network.allocate(kPod, kSubnet) == "10.1.0.3");
}

TEST_CASE("files that are no reservations are left alone, whatever they hold") {
  const Network network;
  (void)network.open();
  const std::string name = GENERATE("notes", "last_reserved_ip.0", "lock", "010.1.0.2",
                                    "10.1.0.2.bak", "2001:DB8::2", "::ffff:10.1.0.2", ".10.1.0.2");
  test::write_text(network.file(name), "pod\r\neth0");
  std::filesystem::create_directory(network.file("directory"));
  test::write_text(network.file("directory/10.1.0.2"), "pod\r\neth0");
  CHECK(network.held_by(kPod).empty());
  CHECK(network.release(kPod).empty());
  CHECK(test::read_text(network.file(name)) == "pod\r\neth0");
  CHECK(network.allocate(kPod, kSubnet) == "10.1.0.2");
}

TEST_CASE("what a killed writer left is removed when the directory is read") {
  const Network network;
  (void)network.open();
  test::write_text(network.file(".patchcord-new-1234"), "pod\r\neth0");
  CHECK(network.held_by(kPod).empty());
  CHECK_FALSE(std::filesystem::exists(network.file(".patchcord-new-1234")));
}
