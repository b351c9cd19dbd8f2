// Our store and the reference's host-local at work in one directory.

#include <set>
#include <string>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "catch2_any.h"
#include "ipam/host_local_fixture.h"

using ipam::Owner;
using test::ip;
using test::ips;
using test::Network;

namespace {

const std::string kReference = "/usr/lib/cni/host-local";
const std::string kSubnet = "10.1.0.0/16";

bool is_installed() {
  return ::access(kReference.c_str(), X_OK) == 0;
}

struct Running {
  pid_t pid = -1;
  base::UniqueFd output;
};

std::string configuration(const Network& network) {
  return R"({"cniVersion":"0.4.0","name":")" + network.name() +
         R"(","type":"bridge","ipam":{"type":"host-local","subnet":")" + kSubnet +
         R"(","dataDir":")" + network.data_directory() + R"("}})";
}

Running start(const Network& network, const std::string& command, const Owner& owner) {
  int input[2];
  int output[2];
  REQUIRE(::pipe2(input, O_CLOEXEC) == 0);
  REQUIRE(::pipe2(output, O_CLOEXEC) == 0);
  std::vector<std::string> environment{
      "CNI_COMMAND=" + command, "CNI_CONTAINERID=" + owner.container_id,
      "CNI_IFNAME=" + owner.interface, "CNI_NETNS=/nowhere/at/all", "CNI_PATH=/usr/lib/cni"};
  std::vector<char*> pointers;
  pointers.reserve(environment.size() + 1);
  for (auto& variable : environment) pointers.push_back(variable.data());
  pointers.push_back(nullptr);
  std::string program = kReference;
  char* arguments[] = {program.data(), nullptr};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input[0], 0);
  ::posix_spawn_file_actions_adddup2(&actions, output[1], 1);
  Running running;
  REQUIRE(::posix_spawn(&running.pid, program.c_str(), &actions, nullptr, arguments,
                        pointers.data()) == 0);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(input[0]);
  ::close(output[1]);
  running.output.reset(output[0]);
  const base::UniqueFd to_child(input[1]);
  base::write_all(to_child.get(), configuration(network), "the reference's input");
  return running;
}

// The reference's output; it must succeed.
std::string finish(const Running& running) {
  std::string output = base::read_all(running.output.get(), 1U << 20, "the reference's output");
  int status = 0;
  REQUIRE(::waitpid(running.pid, &status, 0) == running.pid);
  INFO(output);
  REQUIRE(status == 0);
  return output;
}

std::string run(const Network& network, const std::string& command, const Owner& owner) {
  return finish(start(network, command, owner));
}

// From "address": "10.1.0.2/16".
std::string address_in(const std::string& output) {
  const std::string mark = "\"address\": \"";
  const auto begin = output.find(mark);
  REQUIRE(begin != std::string::npos);
  const auto from = begin + mark.size();
  return output.substr(from, output.find('/', from) - from);
}

}  // namespace

TEST_CASE("the reference and we take turns in one directory", "[reference]") {
  if (!is_installed()) return;
  const Network network;
  const Owner ours{"ours", "eth0"};
  const Owner theirs{"theirs", "eth0"};
  CHECK(address_in(run(network, "ADD", {"first", "eth0"})) == "10.1.0.2");
  CHECK(network.allocate(ours, kSubnet) == "10.1.0.3");
  CHECK(address_in(run(network, "ADD", theirs)) == "10.1.0.4");
  CHECK(network.allocate({"last", "eth0"}, kSubnet) == "10.1.0.5");

  (void)run(network, "CHECK", ours);
  CHECK(network.held_by(theirs) == ips({"10.1.0.4"}));
  CHECK(network.open()->holder_of(ip("10.1.0.4")) == theirs);

  (void)run(network, "DEL", ours);
  CHECK(network.held_by(ours).empty());
  CHECK(network.release(theirs) == ips({"10.1.0.4"}));
  CHECK(network.reserved() == std::set<std::string>{"10.1.0.2", "10.1.0.5"});
  CHECK(address_in(run(network, "ADD", {"next", "eth0"})) == "10.1.0.6");
}

TEST_CASE("the files that the reference writes and ours are the same", "[reference]") {
  if (!is_installed()) return;
  const Network by_reference;
  const Network by_us;
  const Owner owner{"pod", "eth0"};
  (void)run(by_reference, "ADD", owner);
  (void)by_us.allocate(owner, kSubnet);
  CHECK(test::mode_of(by_us.directory()) == test::mode_of(by_reference.directory()));
  CHECK(test::count_entries(by_us.directory()) == test::count_entries(by_reference.directory()));
  for (const std::string name : {"10.1.0.2", "last_reserved_ip.0", "lock"}) {
    INFO(name);
    CHECK(test::read_text(by_us.file(name)) == test::read_text(by_reference.file(name)));
  }
  // Not so the reservations, which the reference makes 0644 up to version 1.1 and 0600 later.
  CHECK(test::mode_of(by_us.file("lock")) == test::mode_of(by_reference.file("lock")));
}

TEST_CASE("the reference and we work in one directory at the same time", "[reference]") {
  if (!is_installed()) return;
  const Network network;
  constexpr std::size_t kRounds = 20;
  std::set<std::string> addresses;
  for (std::size_t round = 0; round < kRounds; ++round) {
    const std::string number = std::to_string(round);
    const Running one = start(network, "ADD", {"theirs-a" + number, "eth0"});
    const Running two = start(network, "ADD", {"theirs-b" + number, "eth0"});
    for (int i = 0; i < 5; ++i) {
      addresses.insert(
          network.allocate({"ours" + number + "-" + std::to_string(i), "eth0"}, kSubnet));
    }
    addresses.insert(address_in(finish(one)));
    addresses.insert(address_in(finish(two)));
  }
  CHECK(addresses.size() == kRounds * 7);
  CHECK(network.reserved() == addresses);
  for (std::size_t round = 0; round < kRounds; ++round) {
    const std::string number = std::to_string(round);
    const Running one = start(network, "DEL", {"ours" + number + "-0", "eth0"});
    const Running two = start(network, "DEL", {"theirs-a" + number, "eth0"});
    CHECK(network.release({"theirs-b" + number, "eth0"}).size() == 1);
    for (int i = 1; i < 5; ++i) {
      CHECK(network.release({"ours" + number + "-" + std::to_string(i), "eth0"}).size() == 1);
    }
    (void)finish(one);
    (void)finish(two);
  }
  CHECK(network.reserved().empty());
}
