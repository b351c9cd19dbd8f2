#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "netlink/link.h"
#include "netlink/netns.h"
#include "netlink/socket.h"

/// Throwaway hosts and containers for tests against the real kernel.
///
///   TEST_CASE("a pair joins two namespaces") {
///     FakeHost host;                                    // this thread is on the fake host now
///     FakeContainer& pod = host.add_container();
///     netlink::create_veth(host.socket(), {.near = {.name = "v0", .mac = {}},
///                                          .far = {.name = "eth0", .mac = {}},
///                                          .far_namespace = pod.netns().fd()});
///     REQUIRE(pod.ip("link show eth0")[0]["ifname"] == "eth0");
///     REQUIRE(host.sh("cat /proc/sys/net/ipv4/conf/v0/forwarding") == "0");
///   }
///
/// The first one gives the test process a mount namespace of its own. What is mounted below
/// directory() is seen there only and ends with the process, even one that is killed: all that can
/// be left behind is one empty directory.

/// A network namespace made for one test, with `lo` up.
class FakeNamespace {
 public:
  /// `path` is made: a file that the namespace is mounted on.
  explicit FakeNamespace(std::string path);
  FakeNamespace(const FakeNamespace&) = delete;
  FakeNamespace& operator=(const FakeNamespace&) = delete;
  ~FakeNamespace();

  [[nodiscard]] const netlink::Namespace& netns() const noexcept { return *netns_; }
  /// Fit for CNI_NETNS.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Acts in this namespace, whichever the thread is in.
  [[nodiscard]] netlink::Socket& socket() noexcept { return *socket_; }

  /// Runs a shell command in here and returns what it prints, less the last newline. Throws where
  /// it fails, with what it said.
  std::string sh(const std::string& command) const;
  /// What `ip -j -d <arguments>` prints ("addr show dev eth0"); null where it prints nothing.
  [[nodiscard]] nlohmann::json ip(const std::string& arguments) const;
  /// `key` as "net/ipv4/conf/eth0/forwarding".
  [[nodiscard]] std::optional<std::string> sysctl(const std::string& key) const;
  void set_sysctl(const std::string& key, std::string_view value) const;
  /// Throws where there is none.
  [[nodiscard]] netlink::Link link(std::string_view name);
  [[nodiscard]] bool has_link(std::string_view name);

  /// As a runtime does, before a late DEL: the mount goes, an empty file may stay. The namespace
  /// lives on as long as this object.
  void unmount();

 private:
  std::string path_;
  std::optional<netlink::Namespace> netns_;
  std::optional<netlink::Socket> socket_;
  bool mounted_ = false;
};

using FakeContainer = FakeNamespace;

/// An empty directory (a tmpfs that only this process sees), gone with the object.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory();

  /// For whatever a test needs: records, address files, configurations.
  [[nodiscard]] const std::string& directory() const noexcept { return directory_; }

 private:
  std::string directory_;
};

/// A host: the calling thread is in its network namespace as long as this lives, as the plugin is
/// in the host's. One at a time. Removes its containers, its directory and itself, also when a test
/// fails.
class FakeHost : public ScratchDirectory, public FakeNamespace {
 public:
  FakeHost();

  /// A new container's namespace, which lives as long as the host.
  FakeContainer& add_container();

 private:
  netlink::Namespace machine_;
  netlink::ScopedEntry inside_;
  std::vector<std::unique_ptr<FakeContainer>> containers_;
};
