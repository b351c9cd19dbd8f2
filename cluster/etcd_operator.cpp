// What an operator does with pools, and with the blocks of nodes that are gone.
#include <algorithm>

#include "cluster/etcd_source.h"
#include "cluster/failure.h"

namespace cluster::etcd {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kPage = 2000;  // keys at a time

bool holds(const Pool& pool, const base::IpPrefix& cidr) {
  return std::any_of(pool.cidrs.begin(), pool.cidrs.end(), [&](const auto& each) {
    return each.contains(cidr.address()) && each.length() <= cidr.length();
  });
}

Failure race(const Pool& pool) {
  return {Kind::kFailed, "pool " + pool.name + " was changed by somebody else at the same time",
          "it can be tried again"};
}

}  // namespace

Source::Owned EtcdSource::owned_of(const Entry& entry) const {
  const auto name = block_of_key(entry.key);
  const auto value = Json::parse(entry.value, nullptr, false);
  if (!name || !value.is_object())
    throw Failure(Kind::kFailed, client_.endpoint() + " " + entry.key + " is none of ours");
  try {
    return {.block = name->block,
            .pool = name->pool,
            .node = value.at("node").get<std::string>(),
            .machine = value.at("machine").get<std::string>(),
            .since = value.value("since", std::int64_t{0})};
  } catch (const Json::exception&) {
    throw Failure(Kind::kFailed,
                  client_.endpoint() + " " + entry.key + " does not say whose it is");
  }
}

Source::All EtcdSource::all(const std::string& pool) {
  Span span = keys_.blocks(pool);
  span.limit = kPage;
  All all{.blocks = {}, .pool = read_pool(client_.read({key(keys_.pool(pool))}).read.at(0), pool)};
  for (;;) {
    const auto page = client_.read({span}).read.at(0);
    for (const auto& entry : page) all.blocks.push_back(owned_of(entry));
    if (page.size() < static_cast<std::size_t>(kPage)) return all;
    span.first = page.back().key + '\0';
  }
}

std::vector<Pool> EtcdSource::pools() {
  return pools_in(client_.read({keys_.pools()}).read.at(0));
}

std::vector<Pool> EtcdSource::pools_in(const Entries& entries) const {
  std::vector<Pool> pools;
  for (const auto& entry : entries)
    pools.push_back(read_pool({entry}, entry.key.substr(entry.key.rfind('/') + 1)));
  return pools;
}

void EtcdSource::refuse_overlaps(const Pool& pool, const std::vector<Pool>& others) const {
  for (const auto& other : others) {
    if (other.name == pool.name) continue;
    for (const auto& a : other.cidrs) {
      for (const auto& b : pool.cidrs) {
        if (!a.overlaps(b)) continue;
        throw Failure(Kind::kFailed, b.to_string() + " overlaps " + a.to_string() + " of pool " +
                                         other.name + ", which would give the same addresses");
      }
    }
  }
}

void EtcdSource::add_pool(const Pool& pool) {
  const auto seen = client_.read({keys_.pools()});
  const auto others = pools_in(seen.read.at(0));
  const auto same = std::find_if(others.begin(), others.end(),
                                 [&](const Pool& each) { return each.name == pool.name; });
  if (same != others.end()) {
    if (*same == pool) return;
    throw Failure(Kind::kFailed,
                  "there is a pool " + pool.name + " already: " + to_json(*same).dump(),
                  "patchcord pool grow adds to it");
  }
  refuse_overlaps(pool, others);
  const auto done = client_.transact({Compare::none_newer(keys_.pools(), seen.revision)},
                                     {Operation::put(key_of(pool), to_json(pool).dump())},
                                     {Operation::read(key(key_of(pool)))});
  if (!done.is_done && (done.read.at(0).empty() || read_pool(done.read[0], pool.name) != pool))
    throw race(pool);
}

void EtcdSource::set_pool(const Pool& pool) {
  const auto seen = client_.read({key(key_of(pool)), keys_.pools()});
  const Pool before = read_pool(seen.read.at(0), pool.name);
  if (before == pool) return;
  if (before.block != pool.block)
    throw Failure(Kind::kFailed,
                  "pool " + pool.name + " has blocks of /" + std::to_string(before.block) +
                      ", and keeps them",
                  "a new pool may have others; drain this one");
  for (const auto& cidr : before.cidrs) {
    if (!holds(pool, cidr))
      throw Failure(Kind::kFailed, "pool " + pool.name + " would lose " + cidr.to_string(),
                    "drain the pool, and make another one");
  }
  refuse_overlaps(pool, pools_in(seen.read.at(1)));
  const auto done = client_.transact(
      {Compare::none_newer(keys_.pools(), seen.revision), Compare::unchanged(seen.read[0].front())},
      {Operation::put(key_of(pool), to_json(pool).dump())}, {Operation::read(key(key_of(pool)))});
  if (!done.is_done && (done.read.at(0).empty() || read_pool(done.read[0], pool.name) != pool))
    throw race(pool);
}

void EtcdSource::forget_block(const Owned& owned, const Entry& entry) {
  const auto done = client_.transact(
      {Compare::unchanged(entry)},
      {Operation::remove(keys_.block(owned.pool, owned.block)), Operation::remove(entry.key)},
      {Operation::read(key(entry.key))});
  if (!done.is_done && !done.read.at(0).empty())
    throw Failure(Kind::kFailed, "node " + owned.node + " claims blocks: it is not gone");
}

std::vector<Source::Owned> EtcdSource::forget(const std::string& node) {
  require_name(node, "the node");
  const auto entries = client_.read({keys_.node(node)}).read.at(0);
  std::vector<Owned> forgotten;
  for (const auto& entry : entries) {
    forgotten.push_back(owned_of(entry));
    if (node == node_ && forgotten.back().machine == machine_)
      throw Failure(Kind::kFailed, node + " is this node, which is not gone",
                    "patchcord block release gives its blocks back");
  }
  for (std::size_t i = 0; i < entries.size(); ++i) forget_block(forgotten[i], entries[i]);
  for (const auto& each : forgotten) {
    const std::string machine = keys_.machine(each.machine);
    (void)client_.transact({Compare::equal(machine, node)}, {Operation::remove(machine)});
  }
  return forgotten;
}

}  // namespace cluster::etcd

std::unique_ptr<cluster::Source> cluster::make_etcd_source(const Settings& settings,
                                                           std::string machine) {
  return std::make_unique<etcd::EtcdSource>(settings, std::move(machine));
}
