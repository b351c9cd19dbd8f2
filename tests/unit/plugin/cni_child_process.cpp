#include <array>
#include <thread>

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "catch2_any.h"
#include "cni_fake_plugins.h"

using namespace std::chrono_literals;
using cni::Command;
using Clock = std::chrono::steady_clock;

namespace {

/// Whether within `patience` every process that could write to the pipe has let go of it.
bool ends_within(int read_end, std::chrono::milliseconds patience) {
  pollfd fd{read_end, POLLIN, 0};
  return ::poll(&fd, 1, static_cast<int>(patience.count())) == 1 && (fd.revents & POLLHUP) != 0;
}

/// Makes our stderr, which delegates inherit, a pipe.
class StderrPipe {
 public:
  StderrPipe() : before_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)) {
    std::array<int, 2> fds{};
    REQUIRE(::pipe2(fds.data(), O_CLOEXEC) == 0);
    read_end_.reset(fds[0]);
    const base::UniqueFd write_end(fds[1]);
    REQUIRE(::dup2(write_end.get(), STDERR_FILENO) == STDERR_FILENO);
  }
  StderrPipe(const StderrPipe&) = delete;
  StderrPipe& operator=(const StderrPipe&) = delete;
  ~StderrPipe() { restore(); }

  /// Gives stderr back, with which our own write end goes.
  void restore() {
    if (before_) (void)::dup2(before_.get(), STDERR_FILENO);
    before_.reset();
  }
  [[nodiscard]] int read_end() const { return read_end_.get(); }

 private:
  base::UniqueFd before_;
  base::UniqueFd read_end_;
};

}  // namespace

TEST_CASE("large input and output pass through whole", "[cni][delegate]") {
  const std::string input(1024 * 1024, 'x');
  CHECK(run("cat", input) == input);
}

TEST_CASE("a delegate may leave its stdin unread, close it, or read it late", "[cni][delegate]") {
  const std::string input(1024 * 1024, 'x');
  const std::string script =
      GENERATE("echo ok", "exec <&-; echo ok", "head -c 1 >/dev/null; exec <&-; echo ok",
               "sleep 0.2; cat >/dev/null; echo ok", "cat /dev/stdin >/dev/null; echo ok");
  CAPTURE(script);
  CHECK(run(script, input) == "ok\n");
}

TEST_CASE("a delegate that writes slowly is heard to the end", "[cni][delegate]") {
  CHECK(run("for i in 1 2 3 4; do printf $i; sleep 0.05; done") == "1234");
}

TEST_CASE("a delegate may close its stdout before it ends", "[cni][delegate]") {
  CHECK(run("echo ok; exec >&-; sleep 0.1") == "ok\n");
  const auto error =
      failure_of_script(R"(echo '{"code": 11, "msg": "m"}'; exec >&-; sleep 0.1; exit 1)");
  CHECK(code_of(error) == 11U);
}

TEST_CASE("a delegate that hangs is killed when patience runs out, with all its children",
          "[cni][delegate]") {
  // Everything that the delegate starts has stderr open.
  StderrPipe stderr_pipe;
  const std::string script =
      GENERATE("sleep 600", "sleep 600 & sleep 600", "exec >&-; sleep 600",
               "trap '' TERM; sleep 600", "(sleep 600 & sleep 600 &) ; sleep 600");
  const auto error = failure_of_script(script, 300ms);
  stderr_pipe.restore();
  CAPTURE(script);
  CHECK(code_of(error) == number(cni::Code::kDelegate));
  CHECK(message_of(error) == "plugin fake, ADD: did not end within 300 ms and was killed");
  CHECK(ends_within(stderr_pipe.read_end(), kPatience));
}

TEST_CASE("what a delegate leaves in the background is not waited for, nor killed",
          "[cni][delegate]") {
  const PluginDirectory directory;
  const std::string fifo = directory.path_of("fifo");
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  // It has the delegate's stdout open, and writes there later.
  directory.add("fake", "cat '" + fifo + "' & echo ok");
  const auto began = Clock::now();
  CHECK(cni::run_delegate(request_in(directory.path()), "fake", Command::kAdd, kPatience) ==
        "ok\n");
  CHECK(Clock::now() - began < kPatience / 2);
  // It still reads: opening a FIFO for writing waits for the reader, and closing it lets that end.
  write_file(fifo, "x", 0600);
}

TEST_CASE("a delegate's stderr goes to ours while it runs", "[cni][delegate]") {
  StderrPipe stderr_pipe;
  const std::string script = GENERATE("echo log >&2; echo ok", "echo log >&2; exit 1");
  const auto error = failure_of_script(script);
  stderr_pipe.restore();
  std::array<char, 16> text{};
  CHECK(::read(stderr_pipe.read_end(), text.data(), text.size()) == 4);
  CHECK(std::string(text.data()) == "log\n");
}

// Signals 1 to 31 of a line of /proc/<pid>/status: 32 and 33 are the C library's own, and whoever
// started us may have left them ignored.
unsigned long settable_signals(const std::string& status, const std::string& line) {
  const auto at = status.find(line);
  REQUIRE(at != std::string::npos);
  return std::stoul(status.substr(at + line.size()), nullptr, 16) & 0x7fffffffUL;
}

TEST_CASE("a delegate starts with default signals and none blocked", "[cni][delegate]") {
  struct sigaction ignore {};
  struct sigaction before {};
  ignore.sa_handler = SIG_IGN;
  REQUIRE(::sigaction(SIGPIPE, &ignore, &before) == 0);
  sigset_t blocked;
  sigset_t mask_before;
  (void)::sigemptyset(&blocked);
  (void)::sigaddset(&blocked, SIGUSR1);
  REQUIRE(::sigprocmask(SIG_BLOCK, &blocked, &mask_before) == 0);
  const std::string answer = run("grep -E '^Sig(Blk|Ign):' /proc/self/status");
  sigset_t mask_after;
  REQUIRE(::sigprocmask(SIG_SETMASK, &mask_before, &mask_after) == 0);
  REQUIRE(::sigaction(SIGPIPE, &before, nullptr) == 0);
  CHECK(settable_signals(answer, "SigBlk:") == 0);
  CHECK(settable_signals(answer, "SigIgn:") == 0);
  CHECK(::sigismember(&mask_after, SIGUSR1) == 1);
  CHECK(::sigismember(&mask_after, SIGTERM) == 0);
}

TEST_CASE("exit statuses are seen though our parent ignored SIGCHLD", "[cni][delegate]") {
  struct sigaction ignore {};
  struct sigaction before {};
  ignore.sa_handler = SIG_IGN;
  REQUIRE(::sigaction(SIGCHLD, &ignore, &before) == 0);
  const auto error = failure_of_script("exit 3");
  REQUIRE(::sigaction(SIGCHLD, &before, nullptr) == 0);
  CHECK(message_of(error) ==
        "plugin fake, ADD: failed with exit status 3 and said nothing on stdout");
}

TEST_CASE("a delegate inherits no descriptor of ours, and none stays open here",
          "[cni][delegate]") {
  const auto open_here = [] {
    const auto all = std::filesystem::directory_iterator("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  // What started the tests may have left descriptors of its own to be inherited.
  std::string inheritable;
  for (int fd = 3; fd <= 9; ++fd) {
    const int flags = ::fcntl(fd, F_GETFD);
    if (flags >= 0 && (flags & FD_CLOEXEC) == 0) inheritable += std::to_string(fd);
  }
  const auto before = open_here();
  const std::string list =
      "for fd in 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$fd ] && printf $fd; done; true";
  CHECK(run(list) == inheritable);
  CHECK(open_here() == before);
}

TEST_CASE("a delegate has stdin and stdout though we were started without stdin and stdout",
          "[cni][delegate]") {
  const PluginDirectory directory;
  directory.add("fake", "cat");
  const auto request = request_in(directory.path(), "input");
  const pid_t runner = ::fork();
  REQUIRE(runner >= 0);
  if (runner == 0) {
    (void)::close(STDIN_FILENO);
    (void)::close(STDOUT_FILENO);
    std::string answer;
    (void)failure_of(
        [&] { return answer = cni::run_delegate(request, "fake", Command::kAdd, kPatience); });
    ::_exit(answer == "input" ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(runner, &status, 0) == runner);
  CHECK(status == 0);
}

TEST_CASE("a delegate dies with the thread that runs it", "[cni][delegate]") {
  const PluginDirectory directory;
  const std::string fifo = directory.path_of("alive");
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  directory.add("fake", "exec 3>'" + fifo + "'; echo up >&3; exec sleep 600");
  const auto request = request_in(directory.path());
  const pid_t runner = ::fork();
  REQUIRE(runner >= 0);
  if (runner == 0) {
    (void)failure_of(
        [&] { return cni::run_delegate(request, "fake", Command::kAdd, 2 * kPatience); });
    ::_exit(0);
  }
  const base::UniqueFd alive(::open(fifo.c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(alive);
  std::array<char, 16> text{};
  REQUIRE(::read(alive.get(), text.data(), text.size()) == 3);
  REQUIRE(::kill(runner, SIGKILL) == 0);
  REQUIRE(::waitpid(runner, nullptr, 0) == runner);
  CHECK(ends_within(alive.get(), kPatience));
}

TEST_CASE("a plugin that is just being written is run once it is closed", "[cni][delegate]") {
  const PluginDirectory directory;
  std::filesystem::copy_file("/bin/true", directory.path_of("fake"));
  base::UniqueFd writer(::open(directory.path_of("fake").c_str(), O_WRONLY | O_CLOEXEC));
  REQUIRE(writer);
  std::thread closer([&] {
    std::this_thread::sleep_for(100ms);
    writer.reset();
  });
  const auto began = Clock::now();
  const auto error = failure_of([&] {
    return cni::run_delegate(request_in(directory.path()), "fake", Command::kAdd, kPatience);
  });
  const auto took = Clock::now() - began;
  closer.join();
  CHECK(message_of(error) == "no error");
  CHECK(took >= 90ms);
}

TEST_CASE("a plugin that stays open for writing fails after a second", "[cni][delegate]") {
  const PluginDirectory directory;
  std::filesystem::copy_file("/bin/true", directory.path_of("fake"));
  const base::UniqueFd writer(::open(directory.path_of("fake").c_str(), O_WRONLY | O_CLOEXEC));
  const auto began = Clock::now();
  const auto error = failure_of([&] {
    return cni::run_delegate(request_in(directory.path()), "fake", Command::kAdd, kPatience);
  });
  CHECK(code_of(error) == number(cni::Code::kDelegate));
  CHECK(message_of(error) ==
        "plugin fake, ADD: run " + directory.path_of("fake") + ": Text file busy");
  CHECK(Clock::now() - began >= 1s);
  CHECK(Clock::now() - began < kPatience / 2);
}
