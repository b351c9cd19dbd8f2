#include <cerrno>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <catch2_any.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netlink/libnl.h"
#include "netlink/monitor.h"
#include "netlink/socket.h"
#include "netlink_fixture.h"

using netlink::libnl::make_message;

namespace {

/// A host with more links than one part of a dump tells of.
struct BusyHost : FakeHost {
  BusyHost() {
    std::string commands;
    for (int i = 0; i < 60; ++i) {
      commands +=
          "link add a" + std::to_string(i) + " type veth peer name b" + std::to_string(i) + "\n";
    }
    sh("ip -batch - <<'END'\n" + commands + "END");
  }
};

netlink::Message make_address_request(int link, int number) {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  header.ifa_prefixlen = 32;
  header.ifa_index = static_cast<unsigned>(link);
  auto request = make_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, header);
  const auto bytes = address("10.1.0.0").plus(static_cast<unsigned>(number));
  netlink::libnl::put(request.get(), IFA_LOCAL, bytes.bytes());
  return request;
}

/// Sends an acknowledgement that says EPERM to the socket with this port, as any process may.
void forge_acknowledgement(unsigned port, unsigned sequence) {
  struct {
    nlmsghdr header;
    nlmsgerr body;
  } message{};
  message.header.nlmsg_len = sizeof message;
  message.header.nlmsg_type = NLMSG_ERROR;
  message.header.nlmsg_seq = sequence;
  message.body.error = -EPERM;
  sockaddr_nl to{};
  to.nl_family = AF_NETLINK;
  to.nl_pid = port;
  const base::UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  REQUIRE(::sendto(fd.get(), &message, sizeof message, 0, reinterpret_cast<const sockaddr*>(&to),
                   sizeof to) == sizeof message);
}

std::set<int> open_descriptors() {
  std::set<int> numbers;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int fd = std::stoi(entry.path().filename());
    if (::fcntl(fd, F_GETFD) >= 0) numbers.insert(fd);
  }
  return numbers;
}

}  // namespace

TEST_CASE("a refusal is returned with its errno and the kernel's words") {
  FakeHost host;
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_dst_len = 33;
  header.rtm_type = RTN_UNICAST;
  const auto request = make_message(RTM_NEWROUTE, NLM_F_CREATE, header);
  const auto ack = host.socket().transact(request.get(), {"add", "it"});
  CHECK(ack.code == EINVAL);
  CHECK_FALSE(ack.text.empty());
  CHECK_THROWS_WITH(host.socket().execute(request.get(), {"add", "it"}),
                    "add it: Invalid argument (" + ack.text + ")");
  CHECK_FALSE(host.socket().try_execute(request.get(), {"add", "it"}, {EPERM, EINVAL}));
  CHECK(error_of([&] {
          host.socket().try_execute(request.get(), {"add", "it"}, {EPERM});
        }) == EINVAL);
}

TEST_CASE("many requests go in few sends, and each has its own acknowledgement") {
  constexpr int kRequests = 200;
  constexpr int kTwice = 137;  // asks for the same as the one before
  FakeHost host;
  std::vector<netlink::Message> messages;
  std::vector<nl_msg*> requests;
  for (int i = 0; i < kRequests; ++i) {
    messages.push_back(make_address_request(1, i == kTwice ? kTwice - 1 : i));
    requests.push_back(messages.back().get());
  }
  const auto acks = host.socket().transact_all(requests, {"add", "addresses"});
  REQUIRE(acks.size() == kRequests);
  for (int i = 0; i < kRequests; ++i) {
    CAPTURE(i);
    CHECK(acks[static_cast<std::size_t>(i)].code == (i == kTwice ? EEXIST : 0));
  }
  CHECK(host.ip("-4 addr show dev lo")[0]["addr_info"].size() == kRequests);  // and 127.0.0.1
  CHECK(host.socket().transact_all({}, {"add", "nothing"}).empty());
}

TEST_CASE("an acknowledgement that does not come from the kernel is not believed") {
  FakeHost host;
  // The first socket of a namespace has the process's number for its port (netlink_autobind).
  const auto port = static_cast<unsigned>(::getpid());
  const std::string ports = host.sh("awk '$2 == 0 {print $3}' /proc/net/netlink");
  REQUIRE(("\n" + ports + "\n").find("\n" + std::to_string(port) + "\n") != std::string::npos);
  for (unsigned sequence = 0; sequence < 10; ++sequence) forge_acknowledgement(port, sequence);
  const auto request = make_address_request(1, 7);
  CHECK(host.socket().transact(request.get(), {"add", "it"}).code == 0);
}

TEST_CASE("a dump that a change interrupts is begun again") {
  BusyHost host;
  netlink::Socket other;
  const auto request = make_message(RTM_GETLINK, 0, ifinfomsg{});
  std::size_t seen = 0;
  int restarts = 0;
  host.socket().dump(
      request.get(),
      [&](const nlmsghdr*) {
        if (++seen == 1 && restarts == 0) (void)netlink::delete_link(other, "a59");
      },
      [&] {
        ++restarts;
        seen = 0;
      },
      {"list", "links"});
  CHECK(restarts == 1);
  CHECK(seen == 1 + 2 * 59);
}

TEST_CASE("a dump that is interrupted every time is given up with EAGAIN") {
  BusyHost host;
  netlink::Socket other;
  const auto request = make_message(RTM_GETLINK, 0, ifinfomsg{});
  int number = 0;
  bool first = true;
  const auto disturb = [&](const nlmsghdr*) {
    if (std::exchange(first, false)) {
      (void)netlink::delete_link(other, "a" + std::to_string(number++));
    }
  };
  CHECK(error_of([&] {
          host.socket().dump(request.get(), disturb, [&] { first = true; }, {"list", "links"});
        }) == EAGAIN);
  CHECK(number == 6);
}

TEST_CASE("a dump whose handler fails leaves a socket that works") {
  BusyHost host;
  const auto request = make_message(RTM_GETLINK, 0, ifinfomsg{});
  CHECK_THROWS_AS(host.socket().dump(
                      request.get(), [](const nlmsghdr*) { throw 1; }, [] {}, {"list", "links"}),
                  int);
  CHECK(netlink::all_links(host.socket()).size() == 1 + 2 * 60);
}

TEST_CASE("the error in which a dump ends is thrown") {
  FakeHost host;
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_table = 77;  // which nobody made
  const auto request = make_message(RTM_GETROUTE, 0, header);
  CHECK(error_of([&] {
          host.socket().dump(request.get(), [](const nlmsghdr*) {}, {}, {"list", "routes"});
        }) == ENOENT);
  header.rtm_scope = 1;  // which a dump may not filter by
  const auto refused = make_message(RTM_GETROUTE, 0, header);
  CHECK(error_of([&] {
          host.socket().dump(refused.get(), [](const nlmsghdr*) {}, {}, {"list", "routes"});
        }) == EINVAL);
  CHECK(netlink::all_links(host.socket()).size() == 1);
}

TEST_CASE("no socket or namespace is passed on to a child") {
  const std::set<int> before = open_descriptors();
  FakeHost host;
  host.add_container();
  const netlink::Monitor monitor(host.netns(), host.netns());
  int opened = 0;
  for (const int fd : open_descriptors()) {
    if (before.contains(fd)) continue;
    ++opened;
    CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  }
  CHECK(opened >= 5);
}
