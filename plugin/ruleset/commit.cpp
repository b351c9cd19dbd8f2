#include "plugin/ruleset/commit.h"

#include <algorithm>
#include <cerrno>

#include "netlink/error.h"
#include "netlink/nft/query.h"

namespace ruleset {
namespace {

using netlink::nft::Transaction;

// Others change the tables meanwhile: each time that makes a difference, what there is is looked at
// again.
constexpr int kAttempts = 200;

// What has been looked at may be another's by the time of the transaction.
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
  for (int attempt = 0;; ++attempt) {
    const auto generation = netlink::nft::generation(netfilter);
    Transaction transaction;
    fill(transaction, attempt);
    if (transaction.empty()) return;
    transaction.expect(generation);
    const auto refusals = try_commit(netfilter, transaction);
    if (refusals.empty()) return;
    if (is_outrun(refusals) && attempt + 1 < kAttempts) continue;
    const auto& first = refusals.front();
    throw netlink::Error(first.operation, first.object, first.code, first.text);
  }
}

}  // namespace ruleset
