/* Starts many programs at once and says how long it took until the last was done.
 *
 *   storm DIRECTORY COUNT
 *
 * Program N is DIRECTORY/N.arguments and DIRECTORY/N.environment, strings that each end with a NUL, with DIRECTORY/N.input as stdin.
 * Prints "FAILED WALL_NS": how many did not exit with 0, and the time. All is read before the first one is started. With the environment
 * variable LAUNCH_REALTIME they run at a real-time priority (see launch.c). */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 256, STRINGS = 64, BYTES = 65536 };

struct program {
  char *arguments[STRINGS];
  char *environment[STRINGS];
  char input[512];
};
static struct program programs[MOST];

static void fail(const char *what) {
  fprintf(stderr, "storm: %s: %s\n", what, strerror(errno));
  exit(125);
}

static void read_strings(const char *path, char **strings) {
  static char bytes[BYTES];
  FILE *file = fopen(path, "rb");
  if (file == NULL) fail(path);
  const size_t size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  char *copy = malloc(size + 1);
  if (copy == NULL) fail("memory");
  memcpy(copy, bytes, size);
  int count = 0;
  for (size_t at = 0; at < size && count + 1 < STRINGS; at += strlen(copy + at) + 1) strings[count++] = copy + at;
}

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void start(const struct program *program) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, program->input, O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  pid_t child;
  errno = posix_spawn(&child, program->arguments[0], &actions, NULL, program->arguments, program->environment);
  if (errno != 0) fail(program->arguments[0]);
  posix_spawn_file_actions_destroy(&actions);
}

int main(int count, char **arguments) {
  const int number = count == 3 ? atoi(arguments[2]) : 0;
  if (number < 1 || number > MOST) {
    fprintf(stderr, "usage: storm DIRECTORY COUNT\n");
    return 125;
  }
  for (int i = 0; i < number; ++i) {
    char path[512];
    snprintf(path, sizeof path, "%s/%d.arguments", arguments[1], i);
    read_strings(path, programs[i].arguments);
    snprintf(path, sizeof path, "%s/%d.environment", arguments[1], i);
    read_strings(path, programs[i].environment);
    snprintf(programs[i].input, sizeof programs[i].input, "%s/%d.input", arguments[1], i);
  }
  const struct sched_param priority = {.sched_priority = 10};
  if (getenv("LAUNCH_REALTIME") != NULL && sched_setscheduler(0, SCHED_FIFO, &priority) != 0) fail("real-time priority");
  const long long begun = now();
  for (int i = 0; i < number; ++i) start(&programs[i]);
  int failed = 0;
  for (int i = 0; i < number; ++i) {
    int status;
    if (wait(&status) < 0) fail("wait");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) ++failed;
  }
  printf("%d %lld\n", failed, now() - begun);
  return 0;
}
