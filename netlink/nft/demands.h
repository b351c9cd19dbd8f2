#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "netlink/nft/object.h"
#include "netlink/socket.h"

/// What rules of others ask of a packet, as far as it is about where that comes from and goes to.
namespace netlink::nft {

/// One comparison, and what it compares.
struct Demand {
  enum class Of : std::uint8_t {
    kInName,
    kOutName,
    kMark,
    kState,        // of conntrack, as a set of bits (nf_conntrack_common.h)
    kFamily,       // NFPROTO_...
    kSource,       // the first bytes of the address of that family
    kDestination,  // likewise
    kSomething     // else
  };
  Of of = Of::kSomething;
  base::Family family = base::Family::kIpv4;  // of an address
  bool is_looked_up = false;                  // in a set, whose elements are not read
  bool is_equal = true;                       // else it must differ
  Bytes value{};
  Bytes mask{};  // what the packet's is taken by before; empty: as it is
};

struct FoundDemands {
  std::vector<Demand> demands;  // all of them
  bool has_verdict = false;
  Verdict verdict{};  // NF_DROP and so on, or a jump
};

/// Of each rule of the chain, in order, at that cost; none where there is no such chain. Throws
/// Error.
[[nodiscard]] std::vector<FoundDemands> demands_of(Socket& socket, const Table& table,
                                                   const std::string& chain);

}  // namespace netlink::nft
