#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_prefix.h"
#include "netlink/nft/value.h"

struct nl_msg;

/// What nf_tables is told to make, as plain data.
namespace netlink::nft {

class Transaction;

/// As NFPROTO_... has them.
enum class TableFamily : std::uint8_t {
  kInet = 1,
  kIpv4 = 2,
  kArp = 3,
  kNetdev = 5,
  kBridge = 7,
  kIpv6 = 10
};

struct Table {
  TableFamily family = TableFamily::kInet;
  std::string name;

  friend bool operator==(const Table&, const Table&) = default;
};

/// "inet patchcord", as nft has it.
[[nodiscard]] std::string to_string(const Table& table);

struct Set {
  std::string name;
  std::vector<Type> key;     // several: a concatenation
  std::vector<Type> data{};  // of a map; empty for a set
  Bytes key_expression{};    // nft's description of a key that has no type (see typeof)
};

struct Verdict {
  int code = 0;         // NF_ACCEPT, NF_DROP, NFT_JUMP, NFT_GOTO, NFT_RETURN
  std::string chain{};  // of the jump and the goto
};

struct Element {
  Bytes key;
  Bytes data{};                      // of a map
  std::optional<Verdict> verdict{};  // of a verdict map, in the place of data
  std::string comment{};             // at most 127 bytes
};

/// Where a base chain is called from.
struct Hook {
  std::string type;  // "filter", "nat", "route"
  unsigned number;   // NF_INET_..., NF_BR_...
  int priority;      // NF_IP_PRI_..., NF_BR_PRI_...
};

/// The policy of a base chain is to accept.
struct Chain {
  std::string name;
  std::optional<Hook> hook{};
};

/// One step of a rule; expression.h makes them. It writes itself into the rule's request, and into
/// the transaction before that what it needs besides.
using Expression = std::function<void(nl_msg* rule, Transaction& transaction)>;

struct Rule {
  std::vector<Expression> expressions;
  std::string comment{};  // at most 127 bytes
};

}  // namespace netlink::nft
