#include <catch2_any.h>
#include <unistd.h>

#include "fake_host.h"

TEST_CASE("a fake host is gone without a trace when its test is over") {
  const auto machine = netlink::Namespace::current().identity();
  std::string directory;
  try {
    FakeHost host;
    host.add_container();
    host.add_container();
    directory = host.directory();
    REQUIRE(netlink::Namespace::current().identity() != machine);
    throw 1;
  } catch (int) {
  }
  CHECK(netlink::Namespace::current().identity() == machine);
  CHECK(::access(directory.c_str(), F_OK) != 0);
}

TEST_CASE("a fake host and its containers have loopback and no more") {
  FakeHost host;
  FakeContainer& pod = host.add_container();
  for (FakeNamespace* space : {static_cast<FakeNamespace*>(&host), &pod}) {
    const auto links = space->ip("link show");
    REQUIRE(links.size() == 1);
    CHECK(links[0]["ifname"] == "lo");
    CHECK(space->link("lo").is_up());
  }
}

TEST_CASE("a command that fails is an error with its words") {
  FakeHost host;
  CHECK(host.sh("echo one; echo two") == "one\ntwo");
  CHECK_THROWS_WITH(host.sh("echo words; exit 3"), Catch::Contains("words"));
  CHECK(host.ip("neigh show").empty());
}
