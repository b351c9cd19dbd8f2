#include "fake_host.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/unique_fd.h"
#include "netlink/sysctl.h"

namespace {

void require(bool done, const char* operation, const std::string& object) {
  if (!done) throw base::SystemError(operation, object, errno);
}

// Once a process. Nothing that is mounted afterwards is seen by the machine.
void hide_mounts() {
  static const bool hidden = [] {
    require(::unshare(CLONE_NEWNS) == 0, "unshare", "the mount namespace (tests need root)");
    require(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "make private", "/");
    return true;
  }();
  (void)hidden;
}

// A thread of its own makes the namespace, so that this one never leaves its own.
void make_namespace_at(const std::string& path) {
  const base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  require(static_cast<bool>(file), "create", path);
  std::exception_ptr failure;
  std::thread([&] {
    try {
      require(::unshare(CLONE_NEWNET) == 0, "unshare", "the network namespace");
      require(::mount("/proc/thread-self/ns/net", path.c_str(), nullptr, MS_BIND, nullptr) == 0,
              "mount a network namespace on", path);
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
}

// What a command prints, and what became of it.
std::pair<std::string, int> run(const std::string& command) {
  FILE* pipe = ::popen(command.c_str(), "re");
  require(pipe != nullptr, "run", command);
  std::string output;
  std::array<char, 4096> part;
  while (const std::size_t size = std::fread(part.data(), 1, part.size(), pipe)) {
    output.append(part.data(), size);
  }
  return {std::move(output), ::pclose(pipe)};
}

}  // namespace

FakeNamespace::FakeNamespace(std::string path) : path_(std::move(path)) {
  make_namespace_at(path_);
  mounted_ = true;
  netns_ = netlink::Namespace::open(path_);
  socket_ = netlink::Socket::in(*netns_, netlink::Namespace::current());
  // Without it there is no local table, and ARP for the host's own addresses goes wrong.
  netlink::change_link(*socket_, "lo", {.up = true});
}

FakeNamespace::~FakeNamespace() {
  if (mounted_) (void)::umount2(path_.c_str(), MNT_DETACH);
}

std::string FakeNamespace::sh(const std::string& command) const {
  const netlink::Namespace home = netlink::Namespace::current();
  const netlink::ScopedEntry inside(netns(), home);
  auto [output, status] = run("exec 2>&1; " + command);
  if (status != 0) throw std::runtime_error("`" + command + "` failed: " + output);
  while (output.ends_with('\n')) output.pop_back();
  return output;
}

nlohmann::json FakeNamespace::ip(const std::string& arguments) const {
  const std::string output = sh("ip -j -d " + arguments);
  return output.empty() ? nlohmann::json() : nlohmann::json::parse(output);
}

std::optional<std::string> FakeNamespace::sysctl(const std::string& key) const {
  const netlink::Namespace home = netlink::Namespace::current();
  const netlink::ScopedEntry inside(netns(), home);
  return netlink::read_sysctl(key);
}

void FakeNamespace::set_sysctl(const std::string& key, std::string_view value) const {
  const netlink::Namespace home = netlink::Namespace::current();
  const netlink::ScopedEntry inside(netns(), home);
  if (!netlink::write_sysctl(key, value)) throw std::runtime_error("no sysctl " + key);
}

netlink::Link FakeNamespace::link(std::string_view name) {
  auto link = netlink::find_link(socket(), name);
  if (!link) throw std::runtime_error("no link " + std::string(name) + " in " + path_);
  return *link;
}

bool FakeNamespace::has_link(std::string_view name) {
  return netlink::find_link(socket(), name).has_value();
}

void FakeNamespace::unmount() {
  require(::umount2(path_.c_str(), MNT_DETACH) == 0, "unmount", path_);
  mounted_ = false;
}

ScratchDirectory::ScratchDirectory() : directory_("/tmp/patchcord-test-XXXXXX") {
  hide_mounts();
  require(::mkdtemp(directory_.data()) != nullptr, "make directory", directory_);
  require(::mount("tmpfs", directory_.c_str(), "tmpfs", 0, "mode=0755") == 0, "mount tmpfs on",
          directory_);
}

ScratchDirectory::~ScratchDirectory() {
  (void)::umount2(directory_.c_str(), MNT_DETACH);
  (void)::rmdir(directory_.c_str());
}

FakeHost::FakeHost()
    : FakeNamespace(directory() + "/host"),
      machine_(netlink::Namespace::current()),
      inside_(netns(), machine_) {}

FakeContainer& FakeHost::add_container() {
  const std::string path = directory() + "/container" + std::to_string(containers_.size());
  return *containers_.emplace_back(std::make_unique<FakeContainer>(path));
}
