#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "netlink/nft/object.h"
#include "netlink/socket.h"

/// Rules that others have made: we know ours by the sets that they look into.
namespace netlink::nft {

/// A rule, as far as it tells whom it is for.
struct FoundRule {
  std::uint64_t handle = 0;
  std::string comment;  // nft's
  Verdict verdict;      // of its end; code 1 (NF_ACCEPT) and so on, 0 (NF_DROP) if it has one
  bool has_verdict = false;
  std::optional<base::IpAddress> source{};       // one that it demands
  std::optional<base::IpAddress> destination{};  // one that it demands
  std::optional<base::IpAddress> loaded{};       // one that it has at hand, to translate to
};

/// The rules of one chain, at the cost of that chain; none where there is no such chain.
[[nodiscard]] std::vector<FoundRule> rules_of(Socket& socket, const Table& table,
                                              const std::string& chain);

}  // namespace netlink::nft
