#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_prefix.h"
#include "netlink/socket.h"

/// Queueing disciplines of links (tc(8)), as far as shaping needs them. Made by hand: libnl's own
/// objects take the unit of time from /proc/net/psched, and have 32 bits for rates. Rates are in
/// bytes a second, sizes in bytes, framing (the Ethernet header, without FCS) included. Handles are
/// given as tc shows them, major and minor in one number: 1: is 0x10000.
namespace netlink {

struct Link;

inline constexpr std::uint32_t kRootHandle = 0x10000;        // 1:
inline constexpr std::uint32_t kShapedClass = 0x10030;       // 1:30
inline constexpr std::uint32_t kLeafHandle = 0x100000;       // 10:
inline constexpr std::uint32_t kIngressHandle = 0xffff0000;  // ffff:

/// The kernel's unit of a bucket's depth, the time that it takes to fill: 64 ns (PSCHED_SHIFT of
/// include/net/pkt_sched.h). Counted in microseconds first, as the reference does it, and clamped
/// to the 32 bits that the kernel has for it, some 274 s.
[[nodiscard]] std::uint32_t ticks_of(std::uint64_t rate, std::uint32_t burst);
/// The opposite, but for what rounding takes away.
[[nodiscard]] std::uint64_t burst_of(std::uint64_t rate, std::uint32_t ticks);

/// A bucket that fills at `rate` and holds `burst`.
struct TokenBucket {
  std::uint64_t rate = 0;
  std::uint32_t burst = 0;
  std::uint32_t limit = 0;    // what the queue holds at most; of the kernel's own leaf
  std::uint32_t segment = 0;  // larger packets are cut into those of the wire; 0: only past burst
};

/// At the root, with handle 1:.
void add_token_bucket(Socket& socket, const Link& link, const TokenBucket& bucket);

/// A class 1:30 of the bucket's rate at the root of `link`, beside which all else passes unshaped.
/// What no filter says something about goes into it if `by_default`.
void add_shaped_class(Socket& socket, const Link& link, const TokenBucket& bucket, bool by_default);

/// The queue behind a shaper; `parent` is its handle, with minor 1 for a token bucket.
struct Leaf {
  std::uint32_t parent = 0;
  std::uint32_t bytes = 0;   // at most
  std::uint32_t packet = 0;  // size of one
  std::uint64_t rate = 0;    // at which it is emptied
};
/// fq_codel, or a plain queue where the kernel does not have it.
void add_leaf(Socket& socket, const Link& link, const Leaf& leaf);

void add_ingress(Socket& socket, const Link& link);

/// False where there was none.
bool remove_qdisc(Socket& socket, int index, std::uint32_t parent, std::string_view shown_as);
inline constexpr std::uint32_t kRootParent = 0xffffffff;     // TC_H_ROOT
inline constexpr std::uint32_t kIngressParent = 0xfffffff1;  // TC_H_INGRESS

/// What has gone through a queue since it was made.
struct QueueCounters {
  std::uint64_t bytes = 0;
  std::uint64_t packets = 0;
  std::uint32_t dropped = 0;     // packets
  std::uint32_t overlimits = 0;  // how often something had to wait for the rate
  std::uint32_t waiting = 0;     // bytes in it now
};

/// A qdisc or a class, with the numbers that it has, in the kernel's units.
struct Shaper {
  std::string kind;
  std::uint32_t handle = 0;
  std::uint64_t rate = 0;
  std::uint32_t buffer = 0;         // ticks
  std::uint32_t limit = 0;          // of a token bucket
  std::uint32_t default_class = 0;  // minor; of an htb
  QueueCounters counters{};
};
/// Absent where there is none. Looked up by its parent, which a root qdisc has too.
[[nodiscard]] std::optional<Shaper> find_qdisc(Socket& socket, const Link& link,
                                               std::uint32_t parent);
[[nodiscard]] std::optional<Shaper> find_class(Socket& socket, const Link& link,
                                               std::uint32_t handle);

}  // namespace netlink
