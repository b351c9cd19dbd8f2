#include "plugin/cni/child_process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/unique_fd.h"

namespace cni {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kBusyPatience{1000};
constexpr milliseconds kBusyRetry{50};
constexpr milliseconds kKillPatience{1000};
constexpr std::size_t kChildStack = std::size_t{64} * 1024;
constexpr std::size_t kReadSize = std::size_t{16} * 1024;

// Linux 6.3; older headers do not have it, older kernels refuse it.
constexpr unsigned kNoExecSeal = 0x0008U;

template <typename Call>
auto retry_interrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

int poll_until(Clock::time_point deadline, pollfd* fds, nfds_t count) {
  return retry_interrupted([&] {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
    return ::poll(fds, count, static_cast<int>(std::clamp<decltype(left)>(left, 0, INT_MAX)));
  });
}

// The child gets its descriptors by dup2(2) to 0 and 1, which must not hit the one still to be
// moved, as it could in a process that was started with those closed.
base::UniqueFd above_stdio(base::UniqueFd fd) {
  if (fd.get() > STDERR_FILENO) return fd;
  base::UniqueFd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!moved) throw base::SystemError("duplicate", "a descriptor", errno);
  return moved;
}

// A file in memory and not a pipe: the child may read it late, in part or not at all, and nobody
// has to wait or to mind a broken pipe.
base::UniqueFd make_input(std::string_view input) {
  constexpr const char* kName = "cni-stdin";
  // Where vm.memfd_noexec is 2, a memory file must be given without execute permission.
  base::UniqueFd fd(::memfd_create(kName, MFD_CLOEXEC | kNoExecSeal));
  if (!fd && errno == EINVAL) fd.reset(::memfd_create(kName, MFD_CLOEXEC));
  if (!fd) throw base::SystemError("create", "a memory file for stdin", errno);
  fd = above_stdio(std::move(fd));
  base::write_all(fd.get(), input, "the memory file for stdin");
  if (::lseek(fd.get(), 0, SEEK_SET) != 0)
    throw base::SystemError("rewind", "the memory file for stdin", errno);
  return fd;
}

struct Pipe {
  base::UniqueFd read_end;
  base::UniqueFd write_end;
};

Pipe make_pipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0)
    throw base::SystemError("create", "a pipe for stdout", errno);
  Pipe pipe{base::UniqueFd(fds[0]), base::UniqueFd(fds[1])};
  // Only our end: the child's stdout must block like any other.
  (void)::fcntl(pipe.read_end.get(), F_SETFL, O_NONBLOCK);
  pipe.write_end = above_stdio(std::move(pipe.write_end));
  return pipe;
}

/// What the child needs between its birth and its program, and the errno it leaves where it fails.
struct Launch {
  const char* path;
  char* const* arguments;
  char* const* environment;
  int input;
  int output;
  pid_t parent;
  int error;
};

void reset_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  // An ignored SIGPIPE or SIGCHLD would otherwise be inherited, and handlers of ours must not run
  // in the child, which has our memory. SIGKILL, SIGSTOP and the C library's own two refuse,
  // rightly.
  for (int signal = 1; signal < NSIG; ++signal) (void)::sigaction(signal, &action, nullptr);
  sigset_t none;
  (void)::sigemptyset(&none);
  (void)::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

// Runs in the child, in the parent's memory while the parent stands still: system calls only.
int become_program(void* argument) {
  auto& launch = *static_cast<Launch*>(argument);
  reset_signals();
  (void)::setpgid(0, 0);
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // A parent that died before the line above sends no signal any more.
  if (::getppid() != launch.parent) return 127;
  if (::dup2(launch.input, STDIN_FILENO) >= 0 && ::dup2(launch.output, STDOUT_FILENO) >= 0) {
    (void)::execve(launch.path, launch.arguments, launch.environment);
  }
  launch.error = errno;
  return 127;
}

class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    (void)::sigfillset(&all);
    (void)::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { (void)::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

/// A started child: killed with its group and reaped when it goes out of scope.
class Child {
 public:
  Child(pid_t pid, int pidfd) : pid_(pid), ended_(pidfd) {}
  Child(Child&& other) noexcept
      : pid_(std::exchange(other.pid_, 0)), ended_(std::move(other.ended_)) {}
  Child& operator=(Child&&) = delete;
  ~Child() { kill_and_reap(); }

  /// Readable when the child has ended.
  [[nodiscard]] int ended() const noexcept { return ended_.get(); }

  /// The wait status of a child that has ended; absent where somebody else took it.
  [[nodiscard]] std::optional<int> reap() noexcept {
    int status = 0;
    const pid_t pid = retry_interrupted([&] { return ::waitpid(pid_, &status, 0); });
    pid_ = 0;
    return pid < 0 ? std::nullopt : std::optional(status);
  }

 private:
  void kill_and_reap() noexcept {
    if (pid_ == 0) return;
    // The number is the child's until it is reaped, and so is that of its group.
    (void)::kill(-pid_, SIGKILL);
    (void)::kill(pid_, SIGKILL);
    // A process that is stuck in the kernel does not even die of SIGKILL; init will reap it.
    pollfd ended{ended_.get(), POLLIN, 0};
    if (poll_until(Clock::now() + kKillPatience, &ended, 1) > 0) (void)reap();
  }

  pid_t pid_;
  base::UniqueFd ended_;
};

// As vfork(2), which costs the same whatever the size of the parent, but on a stack of the child's
// own.
Child start(Launch& launch) {
  const std::unique_ptr<std::byte[]> stack(new std::byte[kChildStack]);
  std::byte* top = stack.get() + kChildStack;
  top -= reinterpret_cast<std::uintptr_t>(top) % alignof(std::max_align_t);
  int pidfd = -1;
  const SignalsBlocked blocked;
  launch.error = 0;
  launch.parent = ::getpid();
  const pid_t pid =
      ::clone(become_program, top, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &launch, &pidfd);
  if (pid < 0) throw base::SystemError("start", launch.path, errno);
  return {pid, pidfd};
}

/// Tells when a file that is open for writing is worth another try.
class BusyFile {
 public:
  explicit BusyFile(const char* path) : events_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    if (events_) (void)::inotify_add_watch(events_.get(), path, IN_CLOSE_WRITE);
  }

  void wait(Clock::time_point deadline) {
    // The event precedes the moment at which the kernel takes the file for free, and does not come
    // at all where another file is moved to this path: so it shortens the wait, but is not relied
    // upon.
    pollfd events{events_.get(), POLLIN, 0};
    (void)poll_until(std::min(deadline, Clock::now() + kBusyRetry), &events, 1);
    std::array<char, 4096> ignored{};
    while (events_ && ::read(events_.get(), ignored.data(), ignored.size()) > 0) {
    }
  }

 private:
  base::UniqueFd events_;
};

Child start_patiently(Launch& launch, Clock::time_point deadline) {
  std::optional<BusyFile> busy;
  for (;;) {
    Child child = start(launch);
    if (launch.error == 0) return child;
    const bool retry = launch.error == ETXTBSY && Clock::now() < deadline;
    if (!retry) throw base::SystemError("run", launch.path, launch.error);
    if (busy) {
      busy->wait(deadline);
    } else {
      // Watched first, tried once more after, lest the file became free in between.
      busy.emplace(launch.path);
    }
  }
}

// Reads what is there now.
void drain(int fd, std::string& text, std::size_t limit) {
  std::array<char, kReadSize> buffer;
  while (text.size() <= limit) {
    const auto count = retry_interrupted([&] { return ::read(fd, buffer.data(), buffer.size()); });
    if (count <= 0) return;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

Outcome describe_end(std::optional<int> status, std::string output) {
  if (!status) throw base::SystemError("wait for", "a child process", ECHILD);
  if (WIFSIGNALED(*status)) return {Outcome::End::kSignaled, WTERMSIG(*status), std::move(output)};
  return {Outcome::End::kExited, WEXITSTATUS(*status), std::move(output)};
}

Outcome follow(Child& child, int output, Clock::time_point deadline, std::size_t limit) {
  std::string text;
  for (;;) {
    std::array<pollfd, 2> fds = {{{output, POLLIN, 0}, {child.ended(), POLLIN, 0}}};
    const int ready = poll_until(deadline, fds.data(), fds.size());
    if (ready < 0) throw base::SystemError("wait for", "a child process", errno);
    if (ready == 0) return {Outcome::End::kTimedOut, 0, {}};
    // Reading after having seen the end gets all that the child wrote; what its own children write
    // later is not its answer.
    drain(output, text, limit);
    if (text.size() > limit) return {Outcome::End::kTooMuchText, 0, {}};
    if (fds[1].revents != 0) return describe_end(child.reap(), std::move(text));
  }
}

std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  // execve(2) takes pointers to what it only reads.
  for (const std::string& string : strings) pointers.push_back(const_cast<char*>(string.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// A runtime may have started us with SIGCHLD ignored, which is inherited, and lets the kernel drop
// exit statuses.
void keep_exit_statuses() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  (void)::sigaction(SIGCHLD, &action, nullptr);
}

}  // namespace

Outcome run_child(const std::string& path, const std::vector<std::string>& environment,
                  std::string_view input, const Limits& limits,
                  const std::vector<std::string>& arguments) {
  const auto began = Clock::now();
  const auto deadline = began + limits.patience;
  keep_exit_statuses();
  const base::UniqueFd stdin_file = make_input(input);
  const Pipe output = make_pipe();
  std::vector<std::string> command = {path};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const auto argument_pointers = pointers_to(command);
  const auto environment_pointers = pointers_to(environment);
  Launch launch{.path = path.c_str(),
                .arguments = argument_pointers.data(),
                .environment = environment_pointers.data(),
                .input = stdin_file.get(),
                .output = output.write_end.get(),
                .parent = 0,
                .error = 0};
  Child child = start_patiently(launch, std::min(deadline, began + kBusyPatience));
  // Our own write end stays open: the end is told by the process and not by its stdout, which it
  // may close early, or leave to others.
  return follow(child, output.read_end.get(), deadline, limits.output);
}

}  // namespace cni
