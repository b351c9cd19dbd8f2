/* Traffic through a container's network, and what it does.
 *
 *   traffic serve PORT                    answers on TCP and UDP until it is killed; "ready" on stdout
 *   traffic MODE ADDRESS PORT SECONDS     one figure on stdout
 *
 * MODE, and its figure:
 *   stream    megabits a second of one TCP connection, as the receiver counts them
 *   packets   datagrams of 64 bytes a second, as the receiver counts them
 *   latency   microseconds from a request of one byte on a TCP connection to its answer, the median
 *   connects  connections a second, one after the other, each with one request and its answer
 *
 * IPv4 only: what is compared is the way, and it is the same. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { kBlock = 131072, kDatagram = 64, kLongestWait = 2000 /* ms */ };

static void fail(const char *what) {
  fprintf(stderr, "traffic: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int open_socket(int kind) {
  const int fd = socket(AF_INET, kind, 0);
  if (fd < 0) fail("socket");
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  return fd;
}

/* -- the server: a connection's first byte says whether the rest is counted ('s') or answered ('e'); a datagram's, whether it is counted
 * ('s') or asks for the count ('q'). */

static void read_all(int fd, void *into, size_t size) {
  for (size_t done = 0; done < size;) {
    const ssize_t got = read(fd, (char *)into + done, size - done);
    if (got <= 0) fail("read");
    done += (size_t)got;
  }
}

static void *serve_connection(void *argument) {
  const int fd = (int)(intptr_t)argument;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  char kind;
  if (read(fd, &kind, 1) == 1 && kind == 's') {
    char *block = malloc(kBlock);
    uint64_t count = 0;
    for (ssize_t got; (got = read(fd, block, kBlock)) > 0;) count += (uint64_t)got;
    (void)!write(fd, &count, sizeof count);
    free(block);
  } else {
    for (char byte; read(fd, &byte, 1) == 1 && write(fd, &byte, 1) == 1;) {
    }
  }
  close(fd);
  return NULL;
}

static _Noreturn void *serve_datagrams(void *argument) {
  const int fd = (int)(intptr_t)argument;
  uint64_t count = 0;
  for (;;) {
    char datagram[kDatagram];
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    if (recvfrom(fd, datagram, sizeof datagram, 0, (struct sockaddr *)&from, &length) <= 0) continue;
    if (datagram[0] == 's') ++count;
    if (datagram[0] == 'q') sendto(fd, &count, sizeof count, 0, (struct sockaddr *)&from, length);
  }
}

static void serve(uint16_t port) {
  const struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(port)};
  const int tcp = open_socket(SOCK_STREAM);
  const int udp = open_socket(SOCK_DGRAM);
  if (bind(tcp, (const struct sockaddr *)&here, sizeof here) != 0 || listen(tcp, 512) != 0) fail("listen");
  if (bind(udp, (const struct sockaddr *)&here, sizeof here) != 0) fail("bind");
  pthread_t thread;
  if (pthread_create(&thread, NULL, serve_datagrams, (void *)(intptr_t)udp) != 0) fail("thread");
  puts("ready");
  fflush(stdout);
  for (;;) {
    const int connection = accept(tcp, NULL, NULL);
    if (connection < 0) fail("accept");
    if (pthread_create(&thread, NULL, serve_connection, (void *)(intptr_t)connection) != 0) fail("thread");
    pthread_detach(thread);
  }
}

/* -- the client */

static int connect_to(const struct sockaddr_in *there, int kind) {
  const int fd = open_socket(kind);
  if (connect(fd, (const struct sockaddr *)there, sizeof *there) != 0) fail("connect");
  const int on = 1;
  if (kind == SOCK_STREAM) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

static double stream(const struct sockaddr_in *there, double seconds) {
  const int fd = connect_to(there, SOCK_STREAM);
  char *block = calloc(1, kBlock);
  if (write(fd, "s", 1) != 1) fail("write");
  const double start = now();
  while (now() - start < seconds) {
    if (write(fd, block, kBlock) <= 0) fail("write");
  }
  shutdown(fd, SHUT_WR);
  uint64_t count;
  read_all(fd, &count, sizeof count);
  return (double)count * 8 / 1e6 / (now() - start);
}

static uint64_t ask_count(int fd) {
  for (int attempt = 0; attempt < 5; ++attempt) {
    uint64_t count;
    struct pollfd answer = {.fd = fd, .events = POLLIN};
    if (send(fd, "q", 1, 0) == 1 && poll(&answer, 1, kLongestWait) == 1 && read(fd, &count, sizeof count) == sizeof count) return count;
  }
  errno = ETIMEDOUT;
  fail("count");
  return 0;
}

static double packets(const struct sockaddr_in *there, double seconds) {
  const int fd = connect_to(there, SOCK_DGRAM);
  const char datagram[kDatagram] = "s";
  const uint64_t before = ask_count(fd);
  const double start = now();
  while (now() - start < seconds) {
    if (send(fd, datagram, sizeof datagram, 0) < 0 && errno != ENOBUFS) fail("send");
  }
  const double took = now() - start;
  usleep(100000);
  return (double)(ask_count(fd) - before) / took;
}

static void round_trip(int fd) {
  char byte = 'x';
  if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1) fail("round trip");
}

static int compare(const void *left, const void *right) {
  const double difference = *(const double *)left - *(const double *)right;
  return (difference > 0) - (difference < 0);
}

static double latency(const struct sockaddr_in *there, double seconds) {
  enum { kMost = 1000000 };
  double *times = malloc(kMost * sizeof *times);
  const int fd = connect_to(there, SOCK_STREAM);
  if (write(fd, "e", 1) != 1) fail("write");
  round_trip(fd);
  size_t count = 0;
  for (const double start = now(); now() - start < seconds && count < kMost;) {
    const double begun = now();
    round_trip(fd);
    times[count++] = (now() - begun) * 1e6;
  }
  qsort(times, count, sizeof *times, compare);
  return times[count / 2];
}

/* Closed by a reset, so that no port waits in TIME_WAIT. */
static double connects(const struct sockaddr_in *there, double seconds) {
  const struct linger reset = {.l_onoff = 1, .l_linger = 0};
  unsigned count = 0;
  const double start = now();
  for (; now() - start < seconds; ++count) {
    const int fd = connect_to(there, SOCK_STREAM);
    if (write(fd, "e", 1) != 1) fail("write");
    round_trip(fd);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
  }
  return count / (now() - start);
}

int main(int count, char **arguments) {
  if (count == 3 && strcmp(arguments[1], "serve") == 0) serve((uint16_t)atoi(arguments[2]));
  struct sockaddr_in there = {.sin_family = AF_INET};
  if (count != 5 || inet_pton(AF_INET, arguments[2], &there.sin_addr) != 1) {
    fprintf(stderr, "usage: traffic serve PORT | traffic stream|packets|latency|connects ADDRESS PORT SECONDS\n");
    return 2;
  }
  there.sin_port = htons((uint16_t)atoi(arguments[3]));
  const double seconds = atof(arguments[4]);
  static const struct {
    const char *name;
    double (*measure)(const struct sockaddr_in *, double);
  } kModes[] = {{"stream", stream}, {"packets", packets}, {"latency", latency}, {"connects", connects}};
  for (size_t i = 0; i < sizeof kModes / sizeof *kModes; ++i) {
    if (strcmp(arguments[1], kModes[i].name) != 0) continue;
    printf("%.3f\n", kModes[i].measure(&there, seconds));
    return 0;
  }
  fprintf(stderr, "traffic: unknown mode %s\n", arguments[1]);
  return 2;
}
