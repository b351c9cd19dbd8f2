#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "netlink/error.h"
#include "netlink/netns.h"

struct nl_msg;
struct nlmsghdr;

namespace netlink {

struct MessageDeleter {
  void operator()(nl_msg* message) const noexcept;
};
/// One request under construction, made by libnl.
using Message = std::unique_ptr<nl_msg, MessageDeleter>;

/// What a request does and to what, for the error's text.
struct What {
  std::string_view operation;  // "create bridge"
  std::string object;          // "cni0"
};

/// The kernel's answer to one request. `code` is 0 or a positive errno.
struct Ack {
  int code = 0;
  std::string text;  // extended ack
};

/// Which part of the kernel a socket speaks to.
enum class Protocol : std::uint8_t { kRoute, kNetfilter, kSockets };

/// One netlink socket, bound for life to the namespace it was opened in: whoever holds it
/// acts there, whichever namespace the thread is in. Not thread-safe. Requests are answered before
/// a call returns; the kernel's silence for 10 s is Error{ETIMEDOUT}.
class Socket {
 public:
  /// Opens in the calling thread's namespace. Throws Error: EPROTONOSUPPORT where the kernel has no
  /// such part.
  explicit Socket(Protocol protocol = Protocol::kRoute);
  /// Opens in `target`, entering it for that moment only; `home` is the thread's own namespace.
  static Socket in(const Namespace& target, const Namespace& home,
                   Protocol protocol = Protocol::kRoute);

  /// The number of the socket's namespace (SO_NETNS_COOKIE), which no other one has before the next
  /// boot. 0 where the kernel has none.
  [[nodiscard]] std::uint64_t namespace_cookie() const noexcept;

  /// For what is no netlink but is told of the socket's namespace. The socket keeps it.
  [[nodiscard]] int descriptor() const noexcept { return fd_.get(); }

  /// Must not use the socket that calls it.
  using Handler = std::function<void(const nlmsghdr* message)>;

  /// Sends one request with NLM_F_ACK and returns the acknowledgement, whatever it says. Throws
  /// Error only where no acknowledgement came.
  [[nodiscard]] Ack transact(nl_msg* request, const What& what);
  /// As transact, but any refusal is thrown.
  void execute(nl_msg* request, const What& what);
  /// As execute, but false for a refusal with one of the errnos `expected`, which say that there
  /// was nothing to do.
  bool try_execute(nl_msg* request, const What& what, std::initializer_list<int> expected);
  /// Several requests in one send, their acknowledgements read together, in order. The kernel works
  /// through all of them even if one is refused.
  /// `handler` sees what else they are answered with.
  [[nodiscard]] std::vector<Ack> transact_all(std::span<nl_msg* const> requests, const What& what,
                                              const Handler& handler = {});

  /// Requests that the kernel does all or none of: the first begins the transaction and the last
  /// ends it (nfnetlink's NFNL_MSG_BATCH_BEGIN and _END). Returns what was refused, each with its
  /// place among `requests`; nothing for a success. A refusal of the whole has the place 0.
  struct Refusal {
    std::size_t place = 0;
    Ack ack;
  };
  [[nodiscard]] std::vector<Refusal> transact_atomically(std::span<nl_msg* const> requests,
                                                         const What& what);

  /// A request that is answered by one message, passed to `handler`. The kernel's refusal is
  /// returned.
  [[nodiscard]] Ack query(nl_msg* request, const Handler& handler, const What& what);
  /// As query, but a refusal is thrown, unless it is with one of the errnos `expected`: then there
  /// is nothing to see, and the answer is false.
  bool try_query(nl_msg* request, const Handler& handler, const What& what,
                 std::initializer_list<int> expected);

  /// A dump (NLM_F_DUMP is set here). `handler` sees each message; `restart` is called before the
  /// dump is begun again because it was interrupted (NLM_F_DUMP_INTR), at most 5 times.
  void dump(nl_msg* request, const Handler& handler, const std::function<void()>& restart,
            const What& what);

 private:
  explicit Socket(base::UniqueFd fd);
  base::UniqueFd fd_;
  unsigned sequence_ = 0;
};

}  // namespace netlink
