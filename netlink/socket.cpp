#include "netlink/socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <exception>

#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "base/error.h"
#include "netlink/libnl.h"
#include "netlink/reply.h"

namespace netlink {
namespace {

constexpr timeval kSilence = {.tv_sec = 10, .tv_usec = 0};
constexpr int kDumpRestarts = 5;
// What the kernel fills at most with one part of a dump (netlink_dump, NLMSG_GOODSIZE aside).
constexpr std::size_t kBufferSize = 32768;
// The kernel queues an acknowledgement a request before the first one can be read. This many fit
// into the smallest receive buffer that a host may be set up with.
constexpr std::size_t kRequestsPerSend = 64;

[[noreturn]] void fail(const What& what, int code, std::string text = {}) {
  throw Error(what.operation, what.object, code, std::move(text));
}

// True for a success, false for an errno of `expected`; throws for any other.
bool succeeded(Ack ack, const What& what, std::initializer_list<int> expected) {
  if (ack.code == 0) return true;
  if (std::find(expected.begin(), expected.end(), ack.code) != expected.end()) return false;
  fail(what, ack.code, std::move(ack.text));
}

int number_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::kNetfilter:
      return NETLINK_NETFILTER;
    case Protocol::kSockets:
      return NETLINK_SOCK_DIAG;
    case Protocol::kRoute:
      break;
  }
  return NETLINK_ROUTE;
}

base::UniqueFd open_socket(Protocol protocol) {
  const int number = number_of(protocol);
  base::UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, number));
  if (!fd) {
    const bool is_netfilter = protocol == Protocol::kNetfilter;
    fail({"open", is_netfilter ? "netlink socket of netfilter" : "netlink socket"}, errno);
  }
  const int on = 1;
  // Each of these is a comfort that an older kernel does without: the errors have no text, and what
  // a dump should leave out is left out here (strict checking came with Linux 4.20).
  for (const int option : {NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK}) {
    (void)::setsockopt(fd.get(), SOL_NETLINK, option, &on, sizeof on);
  }
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kSilence, sizeof kSilence) != 0) {
    fail({"set the time limit of", "netlink socket"}, errno);
  }
  return fd;
}

base::UniqueFd open_socket_in(const Namespace& target, const Namespace& home, Protocol protocol) {
  const ScopedEntry inside(target, home);
  return open_socket(protocol);
}

void send(int fd, std::span<iovec> parts, const What& what) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  msghdr header{};
  header.msg_name = &kernel;
  header.msg_namelen = sizeof kernel;
  header.msg_iov = parts.data();
  header.msg_iovlen = parts.size();
  while (::sendmsg(fd, &header, 0) < 0) {
    if (errno != EINTR) fail(what, errno, "the request could not be sent");
  }
}

// A send is one buffer in the kernel, which may be no longer than the socket's limit.
void make_room(int fd, std::span<const iovec> parts) {
  constexpr std::size_t kUsual = 65536;  // below the default of every kernel
  std::size_t size = 0;
  for (const iovec& part : parts) size += part.iov_len;
  if (size < kUsual) return;
  const int wanted = static_cast<int>(std::min<std::size_t>(size + 4096, INT_MAX / 2));
  // In a user namespace no more is to be had than net.core.wmem_max. Where that does not do, the
  // send says so.
  if (::setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof wanted) != 0)
    (void)::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted);
}

// The kernel takes so many parts of a send and no more.
void join_where_too_many(std::vector<iovec>& parts, std::vector<char>& whole) {
  if (parts.size() <= IOV_MAX) return;
  for (const iovec& part : parts) {
    const auto* begin = static_cast<const char*>(part.iov_base);
    whole.insert(whole.end(), begin, begin + part.iov_len);
  }
  parts.assign(1, {.iov_base = whole.data(), .iov_len = whole.size()});
}

[[noreturn]] void fail_unanswered(const What& what, int code) {
  const char* text = "the kernel's answer could not be read";
  if (code == ETIMEDOUT) text = "the kernel gave no answer within 10 s";
  if (code == ENOBUFS) text = "the kernel's answer was lost";
  throw Unanswered(what.operation, what.object, code, text);
}

// Returns the datagram's length.
std::size_t receive_datagram(int fd, std::span<char> buffer, const What& what) {
  for (;;) {
    sockaddr_nl sender{};
    iovec part = {.iov_base = buffer.data(), .iov_len = buffer.size()};
    msghdr header{};
    header.msg_name = &sender;
    header.msg_namelen = sizeof sender;
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    const ssize_t size = ::recvmsg(fd, &header, 0);
    if (size < 0) {
      if (errno == EINTR) continue;
      const int code = errno == EAGAIN ? ETIMEDOUT : errno;
      fail_unanswered(what, code);
    }
    // Any process may write to our port; the kernel's is 0.
    if (sender.nl_pid != 0) continue;
    if ((header.msg_flags & MSG_TRUNC) != 0) fail_unanswered(what, EMSGSIZE);
    return static_cast<std::size_t>(size);
  }
}

// Passes on each message that comes in, until `take` returns true.
template <class Take>
void receive(int fd, const What& what, Take take) {
  alignas(nlmsghdr) std::array<char, kBufferSize> buffer;
  for (;;) {
    int rest = static_cast<int>(receive_datagram(fd, buffer, what));
    auto* message = reinterpret_cast<nlmsghdr*>(buffer.data());
    for (; nlmsg_ok(message, rest) != 0; message = nlmsg_next(message, &rest)) {
      if (message->nlmsg_type == NLMSG_OVERRUN) fail_unanswered(what, ENOBUFS);
      if (take(message)) return;
    }
  }
}

iovec prepare(nl_msg* request, int flags, unsigned sequence) {
  nlmsghdr* header = nlmsg_hdr(request);
  header->nlmsg_flags = static_cast<std::uint16_t>(header->nlmsg_flags | NLM_F_REQUEST | flags);
  header->nlmsg_seq = sequence;
  header->nlmsg_pid = 0;
  // Messages are laid end to end, each on a boundary of four bytes; libnl's buffers are pages.
  return {.iov_base = header, .iov_len = NLMSG_ALIGN(header->nlmsg_len)};
}

// Requests that fit into one send, and a place for the answer to each.
struct Batch {
  std::span<nl_msg* const> requests;
  std::span<Ack> acks;
};

void transact_batch(int fd, unsigned& sequence, const Batch& batch, const What& what,
                    const Socket::Handler& handler = {}) {
  const unsigned first = sequence + 1;
  std::array<iovec, kRequestsPerSend> parts;
  for (std::size_t i = 0; i < batch.requests.size(); ++i) {
    parts[i] = prepare(batch.requests[i], NLM_F_ACK, ++sequence);
  }
  send(fd, std::span(parts).first(batch.requests.size()), what);
  std::size_t outstanding = batch.requests.size();
  receive(fd, what, [&](const nlmsghdr* message) {
    const unsigned place = message->nlmsg_seq - first;  // wraps for an answer that came too late
    if (place >= batch.acks.size()) return false;
    if (message->nlmsg_type != NLMSG_ERROR) {
      if (handler) handler(message);
      return false;
    }
    batch.acks[place] = parse_acknowledgement(message);
    return --outstanding == 0;
  });
}

// What a dump has come to while it is read.
struct Dump {
  bool interrupted = false;
  Ack end;
  std::exception_ptr handler_failure;

  // True at the end.
  bool take(const nlmsghdr* message, const Socket::Handler& handler) {
    if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0) interrupted = true;
    if (message->nlmsg_type == NLMSG_ERROR) {
      end = parse_acknowledgement(message);
      return true;
    }
    if (message->nlmsg_type == NLMSG_DONE) {
      end = parse_end_of_dump(message);
      return true;
    }
    // The rest is read even if a handler fails: the kernel starts no other dump on this socket
    // before it has got rid of this one.
    if (handler_failure) return false;
    try {
      handler(message);
    } catch (...) {
      handler_failure = std::current_exception();
    }
    return false;
  }
};

}  // namespace

Socket::Socket(Protocol protocol) : Socket(open_socket(protocol)) {}

Socket::Socket(base::UniqueFd fd) : fd_(std::move(fd)) {}

Socket Socket::in(const Namespace& target, const Namespace& home, Protocol protocol) {
  return Socket(open_socket_in(target, home, protocol));
}

std::uint64_t Socket::namespace_cookie() const noexcept {
  constexpr int kNetnsCookie = 71;  // SO_NETNS_COOKIE, missing in headers before Linux 5.14
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  if (::getsockopt(fd_.get(), SOL_SOCKET, kNetnsCookie, &cookie, &size) != 0) return 0;
  return cookie & INT64_MAX;  // which JSON can carry
}

Ack Socket::transact(nl_msg* request, const What& what) {
  Ack ack;
  transact_batch(fd_.get(), sequence_, {{&request, 1}, {&ack, 1}}, what);
  return ack;
}

void Socket::execute(nl_msg* request, const What& what) {
  (void)try_execute(request, what, {});  // nothing is expected, so it returns for a success only
}

bool Socket::try_execute(nl_msg* request, const What& what, std::initializer_list<int> expected) {
  return succeeded(transact(request, what), what, expected);
}

std::vector<Ack> Socket::transact_all(std::span<nl_msg* const> requests, const What& what,
                                      const Handler& handler) {
  std::vector<Ack> acks(requests.size());
  for (std::size_t done = 0; done < requests.size(); done += kRequestsPerSend) {
    const std::size_t count = std::min(kRequestsPerSend, requests.size() - done);
    transact_batch(fd_.get(), sequence_,
                   {requests.subspan(done, count), std::span(acks).subspan(done, count)}, what,
                   handler);
  }
  return acks;
}

// The kernel answers a refused request in any case, and another one if it asks for that: so it is
// enough that the last one asks, whose answer comes after all the others'. What concerns the whole
// (EPERM, a failed commit) is answered to the first.
std::vector<Socket::Refusal> Socket::transact_atomically(std::span<nl_msg* const> requests,
                                                         const What& what) {
  const unsigned first = sequence_ + 1;
  const std::size_t last = requests.size() - 2;
  std::vector<iovec> parts;
  for (std::size_t i = 0; i < requests.size(); ++i)
    parts.push_back(prepare(requests[i], i == last ? NLM_F_ACK : 0, ++sequence_));
  make_room(fd_.get(), parts);
  std::vector<char> whole;
  join_where_too_many(parts, whole);
  send(fd_.get(), parts, what);
  std::vector<Refusal> refusals;
  receive(fd_.get(), what, [&](const nlmsghdr* message) {
    const unsigned place = message->nlmsg_seq - first;  // wraps for an answer that came too late
    if (message->nlmsg_type != NLMSG_ERROR || place > last) return false;
    Ack ack = parse_acknowledgement(message);
    if (ack.code != 0) refusals.push_back({.place = place, .ack = std::move(ack)});
    return place == last || (place == 0 && !refusals.empty());
  });
  return refusals;
}

Ack Socket::query(nl_msg* request, const Handler& handler, const What& what) {
  iovec part = prepare(request, 0, ++sequence_);
  send(fd_.get(), {&part, 1}, what);
  Ack ack;
  receive(fd_.get(), what, [&](const nlmsghdr* message) {
    if (message->nlmsg_seq != sequence_) return false;
    if (message->nlmsg_type == NLMSG_ERROR) {
      ack = parse_acknowledgement(message);
    } else {
      handler(message);
    }
    return true;
  });
  return ack;
}

bool Socket::try_query(nl_msg* request, const Handler& handler, const What& what,
                       std::initializer_list<int> expected) {
  return succeeded(query(request, handler, what), what, expected);
}

void Socket::dump(nl_msg* request, const Handler& handler, const std::function<void()>& restart,
                  const What& what) {
  for (int attempt = 0;; ++attempt) {
    iovec part = prepare(request, NLM_F_DUMP, ++sequence_);
    send(fd_.get(), {&part, 1}, what);
    Dump state;
    receive(fd_.get(), what, [&](const nlmsghdr* message) {
      return message->nlmsg_seq == sequence_ && state.take(message, handler);
    });
    if (state.handler_failure) std::rethrow_exception(state.handler_failure);
    if (state.end.code != 0) fail(what, state.end.code, std::move(state.end.text));
    if (!state.interrupted) return;
    if (attempt == kDumpRestarts) fail(what, EAGAIN, "the list changed each time it was read");
    if (restart) restart();
  }
}

}  // namespace netlink
