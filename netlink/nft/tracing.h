#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "netlink/nft/expression.h"
#include "netlink/nft/object.h"
#include "netlink/socket.h"

/// What nf_tables tells of packets that a rule has marked for it ("meta nftrace set 1").
namespace netlink::nft {

/// That the kernel tells of the packet from here on, in this namespace.
[[nodiscard]] Expression trace();

/// One chain or rule that has looked at a packet.
struct TraceEvent {
  std::uint32_t packet = 0;  // the same for all of one packet
  Table table;
  std::string chain;
  std::uint64_t rule = 0;  // its handle; 0 for a policy or the end of a chain
  bool is_policy = false;
  int verdict = 0;  // NF_DROP, NF_ACCEPT, NFT_JUMP, ...; of a policy what it is
};

/// Hears of it in the namespace that it was opened in.
class Tracer {
 public:
  Tracer(const Namespace& target, const Namespace& home);

  [[nodiscard]] int descriptor() const noexcept { return socket_.descriptor(); }
  /// What has come so far.
  void read(std::vector<TraceEvent>& events);

 private:
  Socket socket_;
};

}  // namespace netlink::nft
