#pragma once

#include <optional>
#include <vector>

#include "netlink/nft/tracing.h"
#include "plugin/operator/trace/trace.h"
#include "plugin/operator/trace/world.h"

/// Rules that mark one packet and its answer, so that the kernel tells of every chain and rule that
/// they come to.
namespace tool::trace {

/// The table, in inet and in bridge, that has them. It is there for as long as a probe takes: it
/// goes with the process, and on a kernel before 5.12 with the next probe or doctor.
inline constexpr const char* kMarkingTable = "patchcord-trace";

/// Whether there was one that a killed probe has left in the thread's namespace, which is gone now.
/// Throws netlink::Error where it belongs to a probe at work.
bool remove_leftover_marking(netlink::Socket& netfilter);

/// Of one namespace, from its making to its end.
class Marking {
 public:
  /// `packets`: as they come into the namespace. An echo request's identifier is its source port.
  Marking(Ground& ground, const std::vector<Packet>& packets);
  Marking(const Marking&) = delete;
  Marking& operator=(const Marking&) = delete;
  ~Marking();

  [[nodiscard]] Ground& ground() noexcept { return ground_; }
  /// What has been told so far, less what is ours here.
  [[nodiscard]] std::vector<netlink::nft::TraceEvent> events();

 private:
  void make(const std::vector<Packet>& packets, bool is_owned);

  Ground& ground_;
  netlink::Socket netfilter_;
  netlink::nft::Tracer tracer_;
};

}  // namespace tool::trace
