// Claiming, keeping and giving back of blocks; what an operator does with pools and other nodes is
// in etcd_operator.cpp.
#include "cluster/etcd_source.h"

#include <algorithm>
#include <ctime>
#include <set>

#include "base/digest.h"
#include "cluster/failure.h"

namespace cluster::etcd {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kFirstWindow = 64;  // keys are 4 ms, all of a large pool more than a second
constexpr std::uint64_t kWidestWindow = 4096;

// Where a node begins to look, so that not all of them look for the same block.
std::uint64_t place_of(const std::string& node) {
  std::uint64_t place = 0;
  for (const auto byte : base::sha512(node)) place = place << 8U | byte;
  return place;
}

std::set<base::IpPrefix> blocks_in(const Entries& entries) {
  std::set<base::IpPrefix> blocks;
  for (const auto& entry : entries) {
    if (const auto name = block_of_key(entry.key)) blocks.insert(name->block);
  }
  return blocks;
}

// The numbers of a pool's blocks from a node's place on, around and back to it, by windows that
// grow. Within one CIDR numbers and keys have the same order.
class Windows {
 public:
  struct Window {
    std::uint64_t first = 0;
    std::uint64_t count = 0;
  };

  Windows(const Pool& pool, std::uint64_t place)
      : pool_(pool), total_(pool.space().count()), at_(place % total_), left_(total_) {}

  /// Absent when all of them were had.
  std::optional<Window> next() {
    if (left_ == 0) return std::nullopt;
    const Window window{at_, std::min({size_, left_, left_in_cidr()})};
    left_ -= window.count;
    at_ = (at_ + window.count) % total_;
    size_ = std::min(size_ * 2, kWidestWindow);
    return window;
  }

 private:
  [[nodiscard]] std::uint64_t left_in_cidr() const {
    std::uint64_t before = 0;
    for (const auto& cidr : pool_.cidrs) {
      before += ipam::BlockSpace({cidr}, pool_.block).count();
      if (at_ < before) return before - at_;
    }
    return 1;  // of a count that saturated
  }

  const Pool& pool_;
  std::uint64_t total_;
  std::uint64_t at_;
  std::uint64_t left_;
  std::uint64_t size_ = kFirstWindow;
};

}  // namespace

EtcdSource::EtcdSource(const Settings& settings, std::string machine)
    : http_(settings.endpoints, settings.identity, settings.timeout, place_of(settings.node)),
      client_(http_),
      keys_(settings.cluster),
      node_(settings.node),
      machine_(std::move(machine)),
      now_(std::time(nullptr)) {}

Blocks EtcdSource::View::blocks_of(const std::string& wanted) const {
  Blocks blocks;
  for (const auto& entry : own) {
    const auto name = block_of_key(entry.key);
    if (name && name->pool == wanted) blocks.push_back(name->block);
  }
  return blocks;
}

std::string EtcdSource::value_of_claim() const {
  return Json({{"node", node_}, {"machine", machine_}, {"since", now_}}).dump();
}

Pool EtcdSource::read_pool(const Entries& found, const std::string& name) const {
  if (found.empty()) {
    throw Failure(Kind::kNothing, client_.endpoint() + " knows no pool \"" + name + "\"",
                  "patchcord pool add " + name + " CIDR makes it");
  }
  const std::string where = client_.endpoint() + " " + found.front().key;
  return pool_of(Json::parse(found.front().value, nullptr, false), where, name);
}

EtcdSource::View EtcdSource::look(const std::string& pool) {
  const auto seen =
      client_.read({key(keys_.pool(pool)), keys_.node(node_), key(keys_.machine(machine_))});
  View view{.pool = read_pool(seen.read.at(0), pool),
            .own = seen.read.at(1),
            .machine = {},
            .revision = seen.revision};
  if (!seen.read.at(2).empty()) view.machine = seen.read[2].front();
  std::sort(view.own.begin(), view.own.end(),
            [](const Entry& a, const Entry& b) { return a.created < b.created; });
  require_this_machine(view);
  return view;
}

// Two machines of one name would announce the same blocks, and so would a copy of a machine that
// was only given another name.
void EtcdSource::require_this_machine(const View& view) const {
  for (const auto& entry : view.own) {
    const Owned owned = owned_of(entry);
    if (owned.machine == machine_) continue;
    throw Failure(Kind::kFailed,
                  "block " + owned.block.to_string() + " of pool " + owned.pool +
                      " belongs to another machine that is called " + node_,
                  "give this node a name of its own, or, where that machine is gone for good: "
                  "patchcord block forget " +
                      node_ + " --fenced");
  }
  if (!view.machine || view.machine->value == node_) return;
  throw Failure(
      Kind::kFailed,
      "a machine with this machine's id is node " + view.machine->value +
          " already, and this one is called " + node_,
      "a copy of a machine needs an id of its own (systemd-machine-id-setup); where this one "
      "was given another name: patchcord block forget " +
          view.machine->value + " --fenced");
}

Source::Claimed EtcdSource::claim(const std::string& pool, const Blocks& known) {
  const View view = look(pool);
  const Blocks own = view.blocks_of(pool);
  for (const auto& block : own) {
    // Of a claim that was killed, or whose answer was lost.
    if (std::find(known.begin(), known.end(), block) == known.end())
      return {.block = block, .was_ours = true, .pool = view.pool};
  }
  if (view.pool.is_draining)
    throw Failure(Kind::kNothing, "pool " + pool + " is drained: no block of it is given any more");
  if (view.pool.max_blocks != 0 && own.size() >= view.pool.max_blocks) {
    throw Failure(Kind::kNothing,
                  "node " + node_ + " has as many blocks of pool " + pool +
                      " as it may: " + std::to_string(own.size()),
                  "patchcord pool grow with --max-blocks allows more");
  }
  return {.block = take_new(view), .was_ours = false, .pool = view.pool};
}

base::IpPrefix EtcdSource::take_new(const View& view) {
  const auto space = view.pool.space();
  Windows windows(view.pool, place_of(node_));
  while (const auto window = windows.next()) {
    Span span{.first = keys_.block(view.pool.name, space.at(window->first)),
              .end = keys_.block(view.pool.name, space.at(window->first + window->count - 1)) + '~',
              .limit = 0,
              .keys_only = true};
    const auto taken = blocks_in(client_.read({span}).read.at(0));
    for (std::uint64_t number = 0; number < window->count; ++number) {
      const auto block = space.at(window->first + number);
      if (!taken.contains(block) && take(view, block)) return block;
    }
  }
  throw Failure(
      Kind::kNothing,
      "every block of pool " + view.pool.name + " is given: " + std::to_string(space.count()),
      "patchcord pool grow " + view.pool.name +
          " CIDR adds to it; patchcord block list --all "
          "shows whose they are");
}

// Both keys and the machine's at once, or nothing. Where an answer was lost and the same was sent
// again, the block is found to be ours.
bool EtcdSource::take(const View& view, const base::IpPrefix& block) {
  const std::string& pool = view.pool.name;
  const std::string value = value_of_claim();
  const std::string machine = keys_.machine(machine_);
  const auto done = client_.transact(
      {Compare::absent(keys_.block(pool, block)),
       Compare::none_newer(keys_.node(node_), view.revision),
       view.machine ? Compare::unchanged(*view.machine) : Compare::absent(machine)},
      {Operation::put(keys_.block(pool, block), value),
       Operation::put(keys_.index(node_, pool, block), value), Operation::put(machine, node_)},
      {Operation::read(key(keys_.block(pool, block)))});
  if (done.is_done) return true;
  const Entries& owner = done.read.at(0);
  if (!owner.empty()) return owner.front().value == value;
  throw Failure(Kind::kFailed, "another claim of node " + node_ + " came in between",
                "it can be tried again");
}

Source::Own EtcdSource::own(const std::string& pool) {
  const View view = look(pool);
  return {.blocks = view.blocks_of(pool), .pool = view.pool};
}

// The machine's key goes with its last block: what is not there has to be cleaned up by nobody.
void EtcdSource::release(const std::string& pool, const base::IpPrefix& block) {
  const View view = look(pool);
  const std::string index = keys_.index(node_, pool, block);
  const auto entry = std::find_if(view.own.begin(), view.own.end(),
                                  [&](const Entry& each) { return each.key == index; });
  if (entry == view.own.end()) return;  // given back before, or forgotten
  std::vector<Operation> effects = {Operation::remove(keys_.block(pool, block)),
                                    Operation::remove(index)};
  if (view.own.size() == 1) effects.push_back(Operation::remove(keys_.machine(machine_)));
  const auto done = client_.transact(
      {Compare::none_newer(keys_.node(node_), view.revision), Compare::unchanged(*entry)}, effects,
      {Operation::read(key(index))});
  if (done.is_done || done.read.at(0).empty()) return;
  throw Failure(Kind::kFailed, "a claim of node " + node_ + " came in between",
                "it can be tried again");
}

}  // namespace cluster::etcd
