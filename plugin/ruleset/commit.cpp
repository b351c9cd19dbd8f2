#include "plugin/ruleset/commit.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>

#include "netlink/error.h"
#include "netlink/nft/query.h"

namespace ruleset {
namespace {

using netlink::nft::Transaction;

// Others change the tables meanwhile: each time that makes a difference, what there is is looked at
// again.
constexpr int kAttempts = 200;

// Others may have been faster, or a first attempt has taken for granted what is not so.
bool is_outrun(const std::vector<netlink::nft::Refusal>& refusals) {
  return std::all_of(refusals.begin(), refusals.end(), [](const auto& refusal) {
    return refusal.code == ERESTART || refusal.code == ENOENT || refusal.code == EEXIST ||
           refusal.code == EBUSY;
  });
}

// A ruleset that is not the one looked at is a refusal like others.
std::vector<netlink::nft::Refusal> try_commit(netlink::Socket& netfilter,
                                              Transaction& transaction) {
  try {
    return transaction.try_commit(netfilter);
  } catch (const netlink::Error& error) {
    if (error.code() != ERESTART) throw;
    return {{.operation = "change", .object = "nftables rules", .code = ERESTART, .text = {}}};
  }
}

}  // namespace

void commit_repeatedly(netlink::Socket& netfilter,
                       const std::function<void(Transaction&, int attempt)>& fill) {
  std::optional<std::uint32_t> refused;
  for (int attempt = 0;; ++attempt) {
    const auto generation = netlink::nft::generation(netfilter);
    Transaction transaction;
    fill(transaction, attempt);
    if (transaction.empty()) return;
    transaction.expect(generation);
    const auto refusals = try_commit(netfilter, transaction);
    if (refusals.empty()) return;
    const auto& first = refusals.front();
    // Nobody was faster where the ruleset is the one that was refused before.
    const bool is_hopeless = first.code != ERESTART && refused == generation;
    if (!is_hopeless && is_outrun(refusals) && attempt + 1 < kAttempts) {
      refused = generation;
      continue;
    }
    throw netlink::Error(first.operation, first.object, first.code, first.text);
  }
}

}  // namespace ruleset
