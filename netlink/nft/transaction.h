#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "netlink/error.h"
#include "netlink/nft/object.h"
#include "netlink/socket.h"

namespace netlink::nft {

/// What the kernel would not do.
struct Refusal {
  std::string_view operation;  // "add element"
  std::string object;          // "inet patchcord masquerade4"
  int code = 0;                // errno
  std::string text;            // extended ack
};

/// Changes of the ruleset that the kernel makes all at once or not at all. Whatever is made may be
/// there already, unless it says otherwise; whatever is removed must be there (NFT_MSG_DESTROY...,
/// which does not ask, came with Linux 6.3). A transaction is sent once.
class Transaction {
 public:
  void add_table(const Table& table);
  /// One that goes with the socket that commits this, however that ends (Linux 5.12), and that
  /// nobody else may change.
  void add_owned_table(const Table& table);
  void add_set(const Table& table, const Set& set);
  void add_chain(const Table& table, const Chain& chain);
  /// Removes the chain's rules.
  void flush_chain(const Table& table, const std::string& chain);
  void add_rule(const Table& table, const std::string& chain, const Rule& rule);
  /// The same, before the chain's other rules.
  void insert_rule(const Table& table, const std::string& chain, const Rule& rule);
  /// By its handle (see rules_of).
  void remove_rule(const Table& table, const std::string& chain, std::uint64_t handle);
  /// Refused with EEXIST where the set has an element of that key.
  void add_element(const Table& table, const std::string& set, const Element& element);
  void remove_element(const Table& table, const std::string& set, const Bytes& key);
  /// The same of many, with one refusal for all of a request that has some hundreds of them.
  void add_elements(const Table& table, const std::string& set, std::span<const Element> elements);
  void remove_elements(const Table& table, const std::string& set, std::span<const Bytes> keys);
  void remove_table(const Table& table);
  void remove_chain(const Table& table, const std::string& chain);
  void remove_set(const Table& table, const std::string& set);

  /// A set without a name, of what lies within `prefixes`, which are of one family, for one rule
  /// that follows. Returns the set's id in this transaction.
  std::uint32_t add_prefixes(const Table& table, std::span<const base::IpPrefix> prefixes);

  /// Commits only if the ruleset still is that of this number (see generation()): otherwise
  /// Error{ERESTART}, and nothing has been done.
  void expect(std::uint32_t generation) noexcept { generation_ = generation; }

  [[nodiscard]] bool empty() const noexcept { return requests_.empty(); }

  /// Returns what was refused, in which case nothing has been done; nothing for a success. Throws
  /// Error where there is no answer, or the whole was refused (EPERM; EOPNOTSUPP from a kernel
  /// without nf_tables).
  [[nodiscard]] std::vector<Refusal> try_commit(Socket& socket);
  /// As try_commit, but throws Error for the first refusal.
  void commit(Socket& socket);

 private:
  struct Request {
    Message message;
    std::string_view operation;
    std::string object;
  };
  void add(Message message, std::string_view operation, const Table& table,
           const std::string& object);
  void put_rule(int flags, const Table& table, const std::string& chain, const Rule& rule);
  std::vector<Request> requests_;
  std::uint32_t sets_ = 0;
  std::optional<std::uint32_t> generation_;
};

}  // namespace netlink::nft
