#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cluster/etcd.h"
#include "cluster/etcd_keys.h"
#include "cluster/source.h"

namespace cluster::etcd {

/// Blocks by keys that are made if nobody has. Nothing of it expires: a node that is off keeps its
/// blocks until somebody who knows that it is gone says so (forget).
class EtcdSource : public Source {
 public:
  EtcdSource(const Settings& settings, std::string machine);

  Claimed claim(const std::string& pool, const Blocks& known) override;
  Own own(const std::string& pool) override;
  void release(const std::string& pool, const base::IpPrefix& block) override;
  All all(const std::string& pool) override;
  std::vector<Pool> pools() override;
  void add_pool(const Pool& pool) override;
  void set_pool(const Pool& pool) override;
  std::vector<Owned> forget(const std::string& node) override;

 private:
  /// What is known of this node and a pool at one revision.
  struct View {
    Pool pool;
    Entries own;  // of all pools, the oldest first
    std::optional<Entry> machine;
    std::int64_t revision = 0;

    [[nodiscard]] Blocks blocks_of(const std::string& wanted) const;
  };

  [[nodiscard]] View look(const std::string& pool);
  void require_this_machine(const View& view) const;
  [[nodiscard]] base::IpPrefix take_new(const View& view);
  [[nodiscard]] bool take(const View& view, const base::IpPrefix& block);
  [[nodiscard]] Pool read_pool(const Entries& found, const std::string& name) const;
  [[nodiscard]] std::vector<Pool> pools_in(const Entries& entries) const;
  [[nodiscard]] Owned owned_of(const Entry& entry) const;
  void forget_block(const Owned& owned, const Entry& entry);
  void refuse_overlaps(const Pool& pool, const std::vector<Pool>& others) const;
  [[nodiscard]] std::string key_of(const Pool& pool) const { return keys_.pool(pool.name); }
  [[nodiscard]] std::string value_of_claim() const;

  HttpClient http_;
  Client client_;
  Keys keys_;
  std::string node_;
  std::string machine_;
  std::int64_t now_;
};

}  // namespace cluster::etcd
