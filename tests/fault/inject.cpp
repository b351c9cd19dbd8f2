// Runs a program and interferes with one of its system calls:
//   inject count FILE PROGRAM...            writes the numbers of all its calls, in order, to FILE
//   inject kill N PROGRAM...                kills it where call N would begin
//   inject fail N ERRNO PROGRAM...          call N is not made and returns -ERRNO
// Calls are counted from the program's own first one, and those of its children are not. The exit
// status is the program's; 137 where it was killed. 125 says that the injection was not reached.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr int kUnreached = 125;

struct Plan {
  const char* list = nullptr;  // where to write the calls
  long at = 0;                 // which call, from 1; 0 for none
  int error = 0;               // 0 to kill
  char** program = nullptr;
};

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "inject: %s: %s\n", what, std::strerror(errno));
  std::_Exit(126);
}

Plan read_plan(int argc, char* argv[]) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "count" && argc > 3) return {.list = argv[2], .program = argv + 3};
  if (mode == "kill" && argc > 3) return {.at = std::atol(argv[2]), .program = argv + 3};
  if (mode == "fail" && argc > 4)
    return {.at = std::atol(argv[2]), .error = std::atoi(argv[3]), .program = argv + 4};
  std::fputs("usage: inject count FILE | kill N | fail N ERRNO, and a program\n", stderr);
  std::_Exit(126);
}

pid_t start(const Plan& plan) {
  const pid_t child = ::fork();
  if (child < 0) fail("fork");
  if (child > 0) return child;
  if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) fail("PTRACE_TRACEME");
  ::execv(plan.program[0], plan.program);
  fail(plan.program[0]);
}

// Lets the program go on to its next stop; a signal that stopped it is delivered.
int go_on(pid_t child, int signal) {
  if (::ptrace(PTRACE_SYSCALL, child, nullptr, signal) != 0 && errno != ESRCH)
    fail("PTRACE_SYSCALL");
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) fail("waitpid");
  }
  return status;
}

// At the entry: the call becomes one that does not exist, and at its exit gets the wanted result.
int refuse(pid_t child, int error) {
  user_regs_struct registers{};
  if (::ptrace(PTRACE_GETREGS, child, nullptr, &registers) != 0) fail("PTRACE_GETREGS");
  registers.orig_rax = ~0ULL;
  if (::ptrace(PTRACE_SETREGS, child, nullptr, &registers) != 0) fail("PTRACE_SETREGS");
  const int status = go_on(child, 0);
  if (!WIFSTOPPED(status)) return status;
  if (::ptrace(PTRACE_GETREGS, child, nullptr, &registers) != 0) fail("PTRACE_GETREGS");
  registers.rax = static_cast<unsigned long long>(-static_cast<long long>(error));
  if (::ptrace(PTRACE_SETREGS, child, nullptr, &registers) != 0) fail("PTRACE_SETREGS");
  return status;
}

long number_of_call(pid_t child) {
  user_regs_struct registers{};
  if (::ptrace(PTRACE_GETREGS, child, nullptr, &registers) != 0) fail("PTRACE_GETREGS");
  return static_cast<long>(registers.orig_rax);
}

void write_list(const char* path, const std::vector<long>& calls) {
  FILE* file = std::fopen(path, "we");
  if (file == nullptr) fail(path);
  for (const long call : calls) std::fprintf(file, "%ld\n", call);
  if (std::fclose(file) != 0) fail(path);
}

int exit_status(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int trace(const Plan& plan, pid_t child) {
  std::vector<long> calls;
  bool entering = true;
  bool reached = plan.at == 0;
  int signal = 0;
  for (;;) {
    int status = go_on(child, signal);
    signal = 0;
    if (!WIFSTOPPED(status)) {
      if (plan.list != nullptr) write_list(plan.list, calls);
      return reached ? exit_status(status) : kUnreached;
    }
    if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
      signal = WSTOPSIG(status);
      continue;
    }
    if (entering) {
      if (plan.list != nullptr) calls.push_back(number_of_call(child));
      static long count = 0;
      if (++count == plan.at) {
        reached = true;
        if (plan.error == 0) {
          (void)::kill(child, SIGKILL);
        } else {
          status = refuse(child, plan.error);
          if (!WIFSTOPPED(status)) return exit_status(status);
          continue;  // that was its exit
        }
      }
    }
    entering = !entering;
  }
}

}  // namespace

int main(int argc, char* argv[]) {
  const Plan plan = read_plan(argc, argv);
  const pid_t child = start(plan);
  int status = 0;
  if (::waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) fail("start");
  const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
  if (::ptrace(PTRACE_SETOPTIONS, child, nullptr, options) != 0) fail("PTRACE_SETOPTIONS");
  return trace(plan, child);
}
