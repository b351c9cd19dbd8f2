#include <chrono>
#include <csignal>
#include <string>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/temporary_directory.h"
#include "catch2_any.h"

using std::chrono::milliseconds;
using test::TemporaryDirectory;

namespace {

constexpr milliseconds kLong{300'000};  // which nobody waits for, however busy the machine is
constexpr milliseconds kShort{50};

base::FileLock take(const TemporaryDirectory& place, milliseconds patience) {
  const auto directory = base::open_directory(place.path());
  return {directory->get(), "lock", 0750, patience, place / "lock"};
}

// Another process that holds the lock until told to let go.
class Holder {
 public:
  explicit Holder(const TemporaryDirectory& place) {
    int held[2];
    int release[2];
    REQUIRE(::pipe2(held, O_CLOEXEC) == 0);
    REQUIRE(::pipe2(release, O_CLOEXEC) == 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(release[1]);
      [[maybe_unused]] const auto lock = take(place, kLong);  // NOLINT(*-deadcode.DeadStores)
      char byte = 0;
      (void)!::write(held[1], &byte, 1);
      (void)!::read(release[0], &byte, 1);
      ::_exit(0);
    }
    ::close(held[1]);
    ::close(release[0]);
    char byte = 0;
    REQUIRE(::read(held[0], &byte, 1) == 1);
    ::close(held[0]);
    release_.reset(release[1]);
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  ~Holder() {
    let_go();
    ::waitpid(pid_, nullptr, 0);
  }

  void let_go() { release_.reset(); }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  base::UniqueFd release_;
};

std::string own_name() {
  std::string name = test::read_text("/proc/self/comm");
  name.pop_back();
  return name;
}

}  // namespace

TEST_CASE("a lock makes its file, and is free again when its owner is gone") {
  const TemporaryDirectory place;
  (void)take(place, milliseconds(0));
  CHECK(test::mode_of(place / "lock") == 0750);
  CHECK_NOTHROW(take(place, milliseconds(0)));
}

TEST_CASE("waiting too long for a lock fails and names the process that holds it") {
  const TemporaryDirectory place;
  const Holder holder(place);
  const auto patience = GENERATE(milliseconds(0), kShort);
  const auto begin = std::chrono::steady_clock::now();
  CHECK_THROWS_WITH(take(place, patience), "lock " + (place / "lock") + ": not free within " +
                                               (patience == kShort ? "50 ms" : "0 s") +
                                               ", held by process " + std::to_string(holder.pid()) +
                                               " (" + own_name() + ")");
  CHECK(std::chrono::steady_clock::now() - begin >= patience);
  CHECK_THROWS_AS(take(place, patience), base::LockTimeout);
}

TEST_CASE("a lock is had as soon as its holder lets go") {
  const TemporaryDirectory place;
  Holder holder(place);
  std::thread releaser([&] {
    std::this_thread::sleep_for(kShort);
    holder.let_go();
  });
  const auto begin = std::chrono::steady_clock::now();
  CHECK_NOTHROW(take(place, kLong));
  CHECK(std::chrono::steady_clock::now() - begin < kLong / 2);
  releaser.join();
}

TEST_CASE("waiting for a lock leaves the process's signals as they were") {
  const TemporaryDirectory place;
  const Holder holder(place);
  struct sigaction before {};
  before.sa_handler = SIG_IGN;
  struct sigaction old {};
  REQUIRE(::sigaction(SIGALRM, &before, &old) == 0);
  sigset_t blocked;
  sigset_t old_mask;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGALRM);
  REQUIRE(::pthread_sigmask(SIG_BLOCK, &blocked, &old_mask) == 0);

  CHECK_THROWS_AS(take(place, kShort), base::LockTimeout);

  struct sigaction after {};
  sigset_t mask;
  CHECK(::sigaction(SIGALRM, &old, &after) == 0);
  CHECK(::pthread_sigmask(SIG_SETMASK, &old_mask, &mask) == 0);
  CHECK(after.sa_handler == SIG_IGN);
  CHECK(sigismember(&mask, SIGALRM) == 1);
}

TEST_CASE("many signals during the wait neither end nor prolong it") {
  const TemporaryDirectory place;
  const Holder holder(place);
  struct sigaction action {};
  action.sa_handler = [](int) {};
  struct sigaction old {};
  REQUIRE(::sigaction(SIGUSR1, &action, &old) == 0);
  const pthread_t waiter = ::pthread_self();
  std::thread disturber([&] {
    for (int i = 0; i < 10; ++i) {
      std::this_thread::sleep_for(milliseconds(5));
      ::pthread_kill(waiter, SIGUSR1);
    }
  });
  const auto begin = std::chrono::steady_clock::now();
  CHECK_THROWS_AS(take(place, milliseconds(100)), base::LockTimeout);
  const auto waited = std::chrono::steady_clock::now() - begin;
  CHECK(waited >= milliseconds(100));
  CHECK(waited < kLong / 2);
  disturber.join();
  REQUIRE(::sigaction(SIGUSR1, &old, nullptr) == 0);
}

TEST_CASE("a lock file that is a symbolic link is refused") {
  const TemporaryDirectory place;
  REQUIRE(::symlink("elsewhere", (place / "lock").c_str()) == 0);
  CHECK_THROWS_AS(take(place, kShort), base::SystemError);
  CHECK_FALSE(std::filesystem::exists(place / "elsewhere"));
}
