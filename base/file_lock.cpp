// Locks on files, with a deadline and the name of the holder (base/file.h).
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <ctime>

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid  // missing in C libraries before glibc 2.37
#endif

namespace base {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr int kAlarm = SIGALRM;
// One alarm could strike between the test of the clock and flock(2), and be lost: it repeats.
constexpr milliseconds kAlarmAgain{20};

timespec to_timespec(milliseconds time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  timespec result{};
  result.tv_sec = seconds.count();
  result.tv_nsec = std::chrono::nanoseconds(time - seconds).count();
  return result;
}

extern "C" void ignore_alarm(int /*signal*/) {}

// As long as it lives, kAlarm breaks off blocking system calls of this thread and does no more.
class Interruptible {
 public:
  Interruptible() {
    struct sigaction action {};
    action.sa_handler = ignore_alarm;  // without SA_RESTART, so that flock(2) returns EINTR
    (void)::sigaction(kAlarm, &action, &old_action_);
    sigset_t unblocked;
    (void)::sigemptyset(&unblocked);
    (void)::sigaddset(&unblocked, kAlarm);
    (void)::pthread_sigmask(SIG_UNBLOCK, &unblocked, &old_mask_);
  }
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;
  ~Interruptible() {
    (void)::pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
    (void)::sigaction(kAlarm, &old_action_, nullptr);
  }

 private:
  struct sigaction old_action_ {};
  sigset_t old_mask_{};
};

// Sends kAlarm to the thread that made it, first after `patience`, until destroyed.
class Alarm {
 public:
  explicit Alarm(milliseconds patience) {
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;  // to interrupt another thread would not help us
    event.sigev_signo = kAlarm;
    event.sigev_notify_thread_id = ::gettid();
    if (::timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0) {
      throw SystemError("create", "the timer of a lock", errno);
    }
    itimerspec times{};
    times.it_value = to_timespec(patience);
    times.it_interval = to_timespec(kAlarmAgain);
    // Cannot fail: the timer exists and the times are in range.
    (void)::timer_settime(timer_, 0, &times, nullptr);
  }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  ~Alarm() { (void)::timer_delete(timer_); }

 private:
  timer_t timer_{};
};

enum class Attempt { kLocked, kBusy };

Attempt try_lock(int fd, std::string_view shown_as) {
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return Attempt::kLocked;
  if (errno == EWOULDBLOCK || errno == EINTR) return Attempt::kBusy;
  throw SystemError("lock", shown_as, errno);
}

Attempt wait_for_lock(int fd, milliseconds patience, std::string_view shown_as) {
  const auto deadline = Clock::now() + patience;
  // In this order: at the end the alarm goes before the handler without which it would kill us.
  const Interruptible interruptible;
  const Alarm alarm(patience);
  while (Clock::now() < deadline) {
    if (::flock(fd, LOCK_EX) == 0) return Attempt::kLocked;
    if (errno != EINTR) throw SystemError("lock", shown_as, errno);
  }
  return Attempt::kBusy;
}

// Takes the next word off the front of `line`.
std::string_view take_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(word.size());
  return word;
}

// "fe:01:1234": the device's numbers in hexadecimal, the inode's in decimal (fs/locks.c).
std::string inode_in_proc_locks(const struct stat& status) {
  std::array<char, 64> text{};
  (void)std::snprintf(text.data(), text.size(), "%02x:%02x:%llu", ::major(status.st_dev),
                      ::minor(status.st_dev), static_cast<unsigned long long>(status.st_ino));
  return text.data();
}

// The process that took the flock on this inode, from lines such as
// "3: FLOCK  ADVISORY  WRITE 812 fe:01:1234 0 EOF"; those who wait have "->" before FLOCK.
std::optional<std::string> find_holder(std::string_view locks, std::string_view inode) {
  while (!locks.empty()) {
    std::string_view line = locks.substr(0, locks.find('\n'));
    locks.remove_prefix(std::min(line.size() + 1, locks.size()));
    (void)take_word(line);  // the number
    if (take_word(line) != "FLOCK") continue;
    (void)take_word(line);  // ADVISORY
    (void)take_word(line);  // READ or WRITE
    const std::string_view pid = take_word(line);
    if (take_word(line) == inode) return std::string(pid);
  }
  return std::nullopt;
}

// "process 812 (host-local)", as far as it can be found out: a message is no place to fail in.
std::string describe_holder(int fd) {
  constexpr std::size_t kMostLocks = 16U << 20;
  constexpr std::size_t kLongestName = 256;
  try {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return "another process";
    const auto locks = read_file("/proc/locks", kMostLocks);
    const auto pid = find_holder(locks.value_or(""), inode_in_proc_locks(status));
    // 0: a process of a container whose ids we do not see.
    if (!pid || *pid == "0") return "another process";
    std::string name = read_file("/proc/" + *pid + "/comm", kLongestName).value_or("");
    if (name.ends_with('\n')) name.pop_back();
    return "process " + *pid + (name.empty() ? ", which has ended" : " (" + name + ")");
  } catch (const SystemError&) {
    return "another process";
  }
}

std::string describe_time(milliseconds time) {
  const bool whole_seconds = time.count() % 1000 == 0;
  return whole_seconds ? std::to_string(time.count() / 1000) + " s"
                       : std::to_string(time.count()) + " ms";
}

UniqueFd open_lock(int directory, const std::string& name, mode_t mode, std::string_view shown_as) {
  UniqueFd fd(::openat(directory, name.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!fd) throw SystemError("open", shown_as, errno);
  return fd;
}

}  // namespace

void lock_exclusively(int fd, milliseconds patience, std::string_view shown_as) {
  if (try_lock(fd, shown_as) == Attempt::kLocked) return;
  if (patience > milliseconds::zero() &&
      wait_for_lock(fd, patience, shown_as) == Attempt::kLocked) {
    return;
  }
  throw LockTimeout("lock " + std::string(shown_as) + ": not free within " +
                    describe_time(patience) + ", held by " + describe_holder(fd));
}

FileLock::FileLock(int directory, const std::string& name, mode_t mode, milliseconds patience,
                   std::string_view shown_as)
    : fd_(open_lock(directory, name, mode, shown_as)) {
  lock_exclusively(fd_.get(), patience, shown_as);
}

}  // namespace base
