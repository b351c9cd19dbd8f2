/* Runs one program and says what it cost: wall time from the spawn to the exit, processor time, peak memory, page faults.
 *
 *   launch INPUT OUTPUT PROGRAM [ARGUMENT...]
 *
 * INPUT becomes the program's stdin, OUTPUT its stdout; the environment is passed on. One line on stdout:
 *   STATUS WALL_NS USER_US SYSTEM_US PEAK_KB FAULTS
 *
 * It is small and static on purpose: a process is charged with the peak memory of the one that it was made from (fs/exec.c,
 * exec_mmap), and a launcher written in Python has more than most plugins need. With the environment variable LAUNCH_REALTIME, the
 * program runs at a real-time priority, so that what else the machine does is not measured. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static long long microseconds(struct timeval time) {
  return time.tv_sec * 1000000LL + time.tv_usec;
}

static void fail(const char *what, int code) {
  fprintf(stderr, "launch: %s: %s\n", what, strerror(code));
  exit(125);
}

int main(int count, char **arguments) {
  if (count < 4) {
    fprintf(stderr, "usage: launch INPUT OUTPUT PROGRAM [ARGUMENT...]\n");
    return 125;
  }
  const int realtime = getenv("LAUNCH_REALTIME") != NULL;
  unsetenv("LAUNCH_REALTIME");
  if (realtime) {
    const struct sched_param priority = {.sched_priority = 10};
    if (sched_setscheduler(0, SCHED_FIFO, &priority) != 0) fail("real-time priority", errno);
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, arguments[1], O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, arguments[2], O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t child;
  int status;
  struct rusage usage;
  const long long start = now();
  const int code = posix_spawn(&child, arguments[3], &actions, NULL, arguments + 3, environ);
  if (code != 0) fail(arguments[3], code);
  while (wait4(child, &status, 0, &usage) < 0) {
    if (errno != EINTR) fail("wait", errno);
  }
  const long long end = now();
  printf("%d %lld %lld %lld %ld %ld\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128, end - start,
         microseconds(usage.ru_utime), microseconds(usage.ru_stime), usage.ru_maxrss, usage.ru_minflt);
  return 0;
}
