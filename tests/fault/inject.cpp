// Runs a program and interferes with one of its system calls:
//   inject count FILE PROGRAM...            writes the numbers of all its calls, in order, to FILE
//   inject kill N PROGRAM...                kills it where call N would begin
//   inject fail N ERRNO PROGRAM...          call N is not made and returns -ERRNO
//   inject refuse N ERRNO TIMES PROGRAM...  the kernel refuses request N of those in nftables
//                                           transactions, with ERRNO, so often
//   inject hold N FILE PROGRAM...           before nftables transaction N is sent, it makes FILE
//   and
//                                           waits until somebody removes it
// Calls are counted from the program's own first one, and those of its children are not. The exit
// status is the program's; 137 where it was killed. 125 says that the injection was not reached.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr int kUnreached = 125;

struct Plan {
  const char* list = nullptr;  // where to write the calls
  long at = 0;                 // which call, from 1; 0 for none
  long request = 0;            // which request of nftables, from 1; 0 for none
  long transaction = 0;        // which transaction of nftables, from 1; 0 for none
  const char* flag = nullptr;  // the file that holds it
  int error = 0;               // 0 to kill
  int times = 1;
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
  if (mode == "refuse" && argc > 5)
    return {.request = std::atol(argv[2]),
            .error = std::atoi(argv[3]),
            .times = std::atoi(argv[4]),
            .program = argv + 5};
  if (mode == "hold" && argc > 4)
    return {.transaction = std::atol(argv[2]), .flag = argv[3], .program = argv + 4};
  std::fputs(
      "usage: inject count FILE | kill N | fail N ERRNO | refuse N ERRNO TIMES | hold N FILE, and "
      "a "
      "program\n",
      stderr);
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

user_regs_struct registers_of(pid_t child) {
  user_regs_struct registers{};
  if (::ptrace(PTRACE_GETREGS, child, nullptr, &registers) != 0) fail("PTRACE_GETREGS");
  return registers;
}

long number_of_call(pid_t child) {
  return static_cast<long>(registers_of(child).orig_rax);
}

void read_memory(pid_t child, const void* from, void* to, std::size_t size) {
  const iovec local{to, size};
  const iovec remote{const_cast<void*>(from), size};
  if (::process_vm_readv(child, &local, 1, &remote, 1, 0) != static_cast<ssize_t>(size))
    fail("process_vm_readv");
}

template <class Value>
Value read_value(pid_t child, const void* from) {
  Value value{};
  read_memory(child, from, &value, sizeof value);
  return value;
}

template <class Value>
void write_value(pid_t child, void* to, Value value) {
  const iovec local{&value, sizeof value};
  const iovec remote{to, sizeof value};
  if (::process_vm_writev(child, &local, 1, &remote, 1, 0) != sizeof value)
    fail("process_vm_writev");
}

std::vector<iovec> parts_of(pid_t child, const user_regs_struct& registers) {
  const auto message = read_value<msghdr>(child, reinterpret_cast<const void*>(registers.rsi));
  std::vector<iovec> parts(message.msg_iovlen);
  read_memory(child, message.msg_iov, parts.data(), parts.size() * sizeof(iovec));
  return parts;
}

nlmsghdr header_at(pid_t child, const iovec& part) {
  return read_value<nlmsghdr>(child, part.iov_base);
}

// What is sent, if that is a transaction of nftables; empty otherwise.
std::vector<iovec> transaction_of(pid_t child, const user_regs_struct& registers) {
  if (registers.orig_rax != SYS_sendmsg) return {};
  auto parts = parts_of(child, registers);
  const bool is_one =
      parts.size() >= 3 && header_at(child, parts[0]).nlmsg_type == NFNL_MSG_BATCH_BEGIN;
  return is_one ? std::move(parts) : std::vector<iovec>{};
}

/// Holds the program before one of its transactions.
class Hold {
 public:
  Hold(const Plan& plan, pid_t child) : plan_(plan), child_(child) {}

  [[nodiscard]] bool was_made() const { return seen_ >= plan_.transaction; }

  void see_entry(const user_regs_struct& registers) {
    if (transaction_of(child_, registers).empty() || ++seen_ != plan_.transaction) return;
    FILE* file = std::fopen(plan_.flag, "we");
    if (file == nullptr || std::fclose(file) != 0) fail(plan_.flag);
    constexpr timespec kMoment{.tv_sec = 0, .tv_nsec = 1'000'000};
    for (int tries = 0; tries < 60'000 && ::access(plan_.flag, F_OK) == 0; ++tries)
      (void)::nanosleep(&kMoment, nullptr);
  }

 private:
  const Plan& plan_;
  pid_t child_;
  long seen_ = 0;
};

/// Has one request of a transaction refused: the kernel is sent nonsense in its place, so that it
/// undoes the rest in earnest, and its answer is given the wanted errno. A transaction that is sent
/// again after that has the same numbers again.
class Refusal {
 public:
  Refusal(const Plan& plan, pid_t child) : plan_(plan), child_(child) {}

  [[nodiscard]] bool was_made() const { return made_ > 0; }

  void see_entry(const user_regs_struct& registers) {
    const auto parts = transaction_of(child_, registers);
    if (parts.empty()) return;
    const auto requests = static_cast<long>(parts.size()) - 2;
    const long place = plan_.request - sent_;
    if (place < 1 || place > requests || made_ == plan_.times) {
      sent_ += requests;
      return;
    }
    const iovec& part = parts[static_cast<std::size_t>(place)];
    nlmsghdr header = header_at(child_, part);
    header.nlmsg_type |= 0xff;  // of nf_tables, and none that there is: EINVAL
    write_value(child_, part.iov_base, header);
    sequence_ = header.nlmsg_seq;
    socket_ = registers.rdi;
    ++made_;
  }

  void see_exit(const user_regs_struct& registers) {
    if (registers.orig_rax != SYS_recvmsg || made_ == 0 || registers.rdi != socket_) return;
    const auto length = static_cast<long>(registers.rax);
    if (length <= 0) return;
    const auto parts = parts_of(child_, registers);
    auto* at = static_cast<char*>(parts.at(0).iov_base);
    for (const char* end = at + length; at + NLMSG_HDRLEN <= end;) {
      const auto header = read_value<nlmsghdr>(child_, at);
      if (header.nlmsg_type == NLMSG_ERROR && header.nlmsg_seq == sequence_)
        write_value(child_, at + NLMSG_HDRLEN, -plan_.error);
      at += NLMSG_ALIGN(header.nlmsg_len);
    }
  }

 private:
  const Plan& plan_;
  pid_t child_;
  long sent_ = 0;  // requests, without those that were refused
  int made_ = 0;
  unsigned sequence_ = 0;
  unsigned long long socket_ = 0;
};

void write_list(const char* path, const std::vector<long>& calls) {
  FILE* file = std::fopen(path, "we");
  if (file == nullptr) fail(path);
  for (const long call : calls) std::fprintf(file, "%ld\n", call);
  if (std::fclose(file) != 0) fail(path);
}

int exit_status(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// How the kernel leaves a call that it begins anew by itself, again and again until a lock is free:
// the program makes one call. No header has it (include/linux/errno.h).
constexpr long kRestartNoInterrupt = 513;

int trace(const Plan& plan, pid_t child) {
  std::vector<long> calls;
  Refusal refusal(plan, child);
  Hold hold(plan, child);
  bool entering = true;
  bool restarted = false;
  bool reached = plan.at == 0;
  int signal = 0;
  for (;;) {
    int status = go_on(child, signal);
    signal = 0;
    if (!WIFSTOPPED(status)) {
      if (plan.list != nullptr) write_list(plan.list, calls);
      const bool refused = plan.request == 0 || refusal.was_made();
      return reached && refused && hold.was_made() ? exit_status(status) : kUnreached;
    }
    if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
      signal = WSTOPSIG(status);
      continue;
    }
    if (plan.request != 0) {
      const auto registers = registers_of(child);
      entering ? refusal.see_entry(registers) : refusal.see_exit(registers);
    } else if (plan.transaction != 0) {
      if (entering) hold.see_entry(registers_of(child));
    } else if (!entering) {
      restarted = static_cast<long>(registers_of(child).rax) == -kRestartNoInterrupt;
    } else if (!restarted) {
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
