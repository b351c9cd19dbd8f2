#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <ctime>
#include <tuple>

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

// As long as it lives, a signal breaks off blocking system calls of this thread, first after
// `patience`. Whatever the process does with that signal otherwise is put back at the end.
class Alarm {
 public:
  explicit Alarm(milliseconds patience) {
    struct sigaction action {};
    action.sa_handler = ignore_alarm;  // without SA_RESTART, so that flock(2) returns EINTR
    (void)::sigaction(kAlarm, &action, &old_action_);
    sigset_t unblocked;
    (void)::sigemptyset(&unblocked);
    (void)::sigaddset(&unblocked, kAlarm);
    (void)::pthread_sigmask(SIG_UNBLOCK, &unblocked, &old_mask_);
    start(patience);
  }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  ~Alarm() {
    // In this order: an alarm under way must still find our handler, the default one kills.
    if (armed_) (void)::timer_delete(timer_);
    (void)::pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
    (void)::sigaction(kAlarm, &old_action_, nullptr);
  }

 private:
  void start(milliseconds patience) {
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;  // another thread's interruption would not help us
    event.sigev_signo = kAlarm;
    event.sigev_notify_thread_id = ::gettid();
    armed_ = ::timer_create(CLOCK_MONOTONIC, &event, &timer_) == 0;
    itimerspec times{};
    times.it_value = to_timespec(patience);
    times.it_interval = to_timespec(kAlarmAgain);
    if (!armed_ || ::timer_settime(timer_, 0, &times, nullptr) != 0) {
      const int code = errno;
      this->~Alarm();
      throw SystemError("start", "the timer of a lock", code);
    }
  }

  struct sigaction old_action_ {};
  sigset_t old_mask_{};
  timer_t timer_{};
  bool armed_ = false;
};

}  // namespace
}  // namespace base
