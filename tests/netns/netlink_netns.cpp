#include <string>

#include <catch2_any.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "fake_host.h"
#include "netlink/netns.h"
#include "netlink/sysctl.h"

using Catch::Matchers::Contains;

namespace {

void refuses(const std::string& path, const std::string& reason) {
  CHECK_THROWS_WITH(netlink::Namespace::open(path), Contains(path) && Contains(reason));
  CHECK_THROWS_AS(netlink::Namespace::open(path), netlink::NotANamespace);
  CHECK_FALSE(netlink::Namespace::find(path));
}

}  // namespace

TEST_CASE("a namespace has one identity, whichever path leads to it") {
  FakeHost host;
  const FakeContainer& pod = host.add_container();
  const std::string link = host.directory() + "/link";
  REQUIRE(::symlink(pod.path().c_str(), link.c_str()) == 0);
  CHECK(netlink::Namespace::open(pod.path()).identity() == pod.netns().identity());
  CHECK(netlink::Namespace::open(link).identity() == pod.netns().identity());
  CHECK(netlink::Namespace::current().identity() == host.netns().identity());
  CHECK(pod.netns().identity() != host.netns().identity());
  const auto found = netlink::Namespace::find("/proc/self/ns/net");
  REQUIRE(found);
}

TEST_CASE("what is no network namespace is refused with what it is") {
  const ScratchDirectory scratch;
  const std::string plain = scratch.directory() + "/plain";
  const std::string fifo = scratch.directory() + "/fifo";
  const std::string dangling = scratch.directory() + "/dangling";
  const std::string loop = scratch.directory() + "/loop";
  REQUIRE(::mknod(plain.c_str(), S_IFREG | 0600, 0) == 0);
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  REQUIRE(::symlink("nowhere", dangling.c_str()) == 0);
  REQUIRE(::symlink("loop", loop.c_str()) == 0);

  refuses(scratch.directory() + "/none", "no such file");
  refuses(dangling, "no such file");
  refuses(plain + "/below", "no such file");
  refuses(plain, "plain file");
  refuses(scratch.directory(), "directory");
  refuses(fifo, "FIFO");  // and does not wait for a writer
  refuses("/dev/null", "special file");
  refuses(loop, "symbolic links");
  refuses("/proc/self/ns/mnt", "mount namespace");
  refuses("/proc/self/ns/uts", "host name namespace");
}

TEST_CASE("the file that an unmount leaves behind is no namespace any more") {
  FakeHost host;
  FakeContainer& pod = host.add_container();
  pod.unmount();
  refuses(pod.path(), "plain file");
}

TEST_CASE("an empty path leads nowhere") {
  CHECK_FALSE(netlink::Namespace::find(""));
}

TEST_CASE("a scoped entry leaves again, also by an exception") {
  FakeHost host;
  const FakeContainer& pod = host.add_container();
  try {
    const netlink::ScopedEntry inside(pod.netns(), host.netns());
    CHECK(netlink::Namespace::current().identity() == pod.netns().identity());
    throw 1;
  } catch (int) {
  }
  CHECK(netlink::Namespace::current().identity() == host.netns().identity());
}

TEST_CASE("a socket acts in the namespace it was opened in") {
  FakeHost host;
  FakeContainer& pod = host.add_container();
  host.sh("ip link add v0 type veth peer name v1");
  netlink::Socket home;
  netlink::Socket away = netlink::Socket::in(pod.netns(), host.netns());
  CHECK(netlink::Namespace::current().identity() == host.netns().identity());
  CHECK_FALSE(netlink::find_link(away, "v0"));
  const netlink::ScopedEntry inside(pod.netns(), host.netns());
  CHECK(netlink::find_link(home, "v0"));
  CHECK_FALSE(netlink::find_link(away, "v0"));
}

TEST_CASE("sysctls are those of the namespace that the thread is in") {
  FakeHost host;
  const FakeContainer& pod = host.add_container();
  const std::string key = "net/ipv4/conf/lo/forwarding";
  REQUIRE(netlink::read_sysctl(key) == "0");
  CHECK(netlink::write_sysctl(key, "1"));
  CHECK(netlink::read_sysctl(key) == "1");
  CHECK(pod.sysctl(key) == "0");
}

TEST_CASE("a sysctl may have several values, and a dot in an interface's name") {
  FakeHost host;
  CHECK(netlink::write_sysctl("net/ipv4/ip_local_port_range", "20000 30000"));
  CHECK(netlink::read_sysctl("net/ipv4/ip_local_port_range") == "20000\t30000");
  host.sh("ip link add br.7 type bridge");
  CHECK(netlink::write_sysctl("net/ipv4/conf/br.7/proxy_arp", "1"));
  CHECK(netlink::read_sysctl("net/ipv4/conf/br.7/proxy_arp") == "1");
}

TEST_CASE("a sysctl that the kernel does not have is absent, one that it refuses is an error") {
  FakeHost host;
  CHECK_FALSE(netlink::read_sysctl("net/ipv4/conf/none/forwarding"));
  CHECK_FALSE(netlink::write_sysctl("net/ipv4/conf/none/forwarding", "1"));
  CHECK_THROWS_WITH(netlink::write_sysctl("net/ipv4/conf/lo/forwarding", "x"),
                    "write sysctl net/ipv4/conf/lo/forwarding: Invalid argument");
  CHECK_THROWS_AS(netlink::read_sysctl("net/ipv4/conf"), base::SystemError);
}
