// patchcord pool: what pools there are, and what they consist of.
#include <array>
#include <charconv>

#include "ipam/error.h"
#include "plugin/cni/error.h"
#include "plugin/operator/format.h"
#include "plugin/operator/mending.h"
#include "plugin/operator/pools.h"
#include "plugin/operator/table.h"

namespace tool {
namespace {

constexpr std::chrono::seconds kPatience{10};

constexpr Option kBlockOption = {
    .name = "block",
    .value = "LENGTH",
    .meaning = "of a block's prefix; 26, and of IPv6 122, unless given"};
constexpr Option kMostOption = {
    .name = "max-blocks", .value = "COUNT", .meaning = "that one node may have"};
constexpr Option kLocalOption = {.name = "local",
                                 .meaning = "the whole pool is this node's, which takes of it"};
constexpr Option kAllOption = {.name = "all", .meaning = "those of the source, not of this node"};
constexpr Option kUndoOption = {.name = "undo", .meaning = "give blocks of it again"};
constexpr std::array kOptions = {kBlockOption, kMostOption, kLocalOption,
                                 kAllOption,   kUndoOption, kTableOrJsonOption};

std::size_t number_of(const Call& call, const Option& option, std::size_t usual) {
  const auto text = call.arguments.value(option.name);
  if (!text) return usual;
  std::size_t number = 0;
  const auto* end = text->data() + text->size();
  const auto [at, error] = std::from_chars(text->data(), end, number);
  if (error != std::errc() || at != end)
    throw Misuse("--" + std::string(option.name) + ": \"" + *text + "\" is no number");
  return number;
}

std::string texts_of(const std::vector<base::IpPrefix>& prefixes) {
  std::vector<std::string> texts;
  texts.reserve(prefixes.size());
  for (const auto& prefix : prefixes) texts.push_back(prefix.to_string());
  return join(texts, ",");
}

std::vector<base::IpPrefix> cidrs_of(const Call& call) {
  std::vector<base::IpPrefix> cidrs;
  const auto& words = call.arguments.operands();
  for (std::size_t i = 2; i < words.size(); ++i) cidrs.push_back(require_prefix(words[i]));
  if (cidrs.empty()) throw Misuse("usage: patchcord pool " + words.front() + " NAME CIDR...");
  return cidrs;
}

const std::string& name_of(const Call& call) {
  const auto& words = call.arguments.operands();
  if (words.size() < 2) throw Misuse("usage: patchcord pool " + words.front() + " NAME ...");
  (void)require_pool(call, words[1]);
  return words[1];
}

void require_sound(const config::Pool& pool) {
  try {
    (void)ipam::BlockSpace(pool.cidrs, pool.block);
  } catch (const ipam::InvalidRange& error) {
    throw cni::Error(cni::Code::kInvalidConfig, "pool " + pool.name + ": " + error.what());
  }
}

lease::BlockSource source_of(const Call& call) {
  return {call.environment, lease::kOperatorPatience};
}

config::Pool require_definition(const Call& call, const std::string& name) {
  if (is_by_hand(call)) {
    if (auto pool = config::read_pool(require_pool(call, name))) return *std::move(pool);
  } else {
    for (auto& pool : source_of(call).pools()) {
      if (pool.name == name) return std::move(pool);
    }
  }
  throw cni::Error(cni::Code::kConflict, "there is no pool " + name);
}

// Where others give blocks, this node's copy is what it was told last.
void write_here(const Call& call, const config::Pool& pool) {
  const ipam::PoolFiles files(require_pool(call, pool.name), kPatience);
  files.write_definition(config::print_pool(pool));
}

void change(const Call& call, const config::Pool& pool) {
  require_sound(pool);
  if (!is_by_hand(call)) source_of(call).set_pool(pool);
  if (is_by_hand(call) || config::read_pool(require_pool(call, pool.name))) write_here(call, pool);
}

int add(const Call& call) {
  config::Pool pool{.name = name_of(call), .cidrs = cidrs_of(call)};
  const bool is_v4 = pool.cidrs.front().family() == base::Family::kIpv4;
  pool.block = static_cast<unsigned>(number_of(call, kBlockOption, is_v4 ? 26 : 122));
  pool.max_blocks = number_of(call, kMostOption, 0);
  pool.is_local = call.arguments.has(kLocalOption.name);
  require_sound(pool);
  if (!is_by_hand(call)) {
    if (pool.is_local) throw Misuse("--local is of pools whose blocks nobody else gives");
    source_of(call).add_pool(pool);
  } else {
    const auto before = config::read_pool(require_pool(call, pool.name));
    if (before && config::print_pool(*before) != config::print_pool(pool))
      throw cni::Error(cni::Code::kConflict, "there is another pool " + pool.name,
                       "`patchcord pool grow` makes it larger");
    write_here(call, pool);
  }
  call.console.write("pool " + pool.name + " is " + texts_of(pool.cidrs) + " in blocks of /" +
                     std::to_string(pool.block) + "\n");
  return kFine;
}

int grow(const Call& call) {
  config::Pool pool = require_definition(call, name_of(call));
  for (const auto& cidr : cidrs_of(call)) pool.cidrs.push_back(cidr);
  pool.max_blocks = number_of(call, kMostOption, pool.max_blocks);
  change(call, pool);
  call.console.write("pool " + pool.name + " is " + texts_of(pool.cidrs) + "\n");
  return kFine;
}

int drain(const Call& call) {
  config::Pool pool = require_definition(call, name_of(call));
  pool.draining = !call.arguments.has(kUndoOption.name);
  change(call, pool);
  const ipam::PoolFiles files(require_pool(call, pool.name), kPatience);
  lease::set_draining(files, pool.draining);
  call.console.write("pool " + pool.name +
                     (pool.draining ? " drains: its blocks go as their last containers do\n"
                                    : " gives addresses\n"));
  return kFine;
}

void write(const PoolView& pool, Json& json) {
  json.begin_object().member("name", pool.place.name());
  if (pool.definition) {
    json.key("cidrs").begin_list();
    for (const auto& cidr : pool.definition->cidrs) json.text(cidr.to_string());
    json.end_list().member("block", pool.definition->block);
    json.member("maxBlocks", pool.definition->max_blocks)
        .member("draining", pool.definition->draining)
        .member("local", pool.definition->is_local);
  }
  json.member("blocks", pool.blocks.size())
      .member("addresses", pool.size())
      .member("used", pool.used())
      .member("problem", pool.problem)
      .end_object();
}

void show(const Call& call, const std::vector<PoolView>& pools) {
  if (call.arguments.value(kTableOrJsonOption.name) == "json") {
    Json json;
    json.begin_object().key("pools").begin_list();
    for (const auto& pool : pools) write(pool, json);
    call.console.write(json.end_list().end_object().document());
    return;
  }
  Table table({{.title = "POOL"},
               {.title = "CIDRS", .least = 12},
               {.title = "BLOCK"},
               {.title = "HERE"},
               {.title = "USED"},
               {.title = "FREE"},
               {.title = ""}});
  for (const auto& pool : pools) {
    const auto& known = pool.definition;
    table.add(
        {{.text = pool.place.name()},
         {.text = known ? texts_of(known->cidrs) : "-"},
         {.text = known ? "/" + std::to_string(known->block) : "-"},
         {.text = std::to_string(pool.blocks.size())},
         {.text = std::to_string(pool.used())},
         {.text = std::to_string(pool.size() - pool.used())},
         {.text = pool.problem.empty() ? (known && known->draining ? "drain" : "") : pool.problem,
          .tone = Tone::kWarning}});
  }
  if (table.empty()) return call.console.report("this node has no pool");
  call.console.write(table.to_text(call.console));
}

int list(const Call& call) {
  if (!call.arguments.has(kAllOption.name) || is_by_hand(call)) {
    show(call, view_pools(call.environment));
    return kFine;
  }
  std::vector<PoolView> pools;
  for (auto& pool : source_of(call).pools()) {
    auto place = require_pool(call, pool.name);
    pools.push_back({.place = std::move(place), .definition = std::move(pool)});
  }
  show(call, pools);
  return kFine;
}

int run_pool(const Call& call) {
  const std::string& verb = call.arguments.operands().front();
  if (verb == "list") return list(call);
  if (verb == "add") return add(call);
  if (verb == "grow") return grow(call);
  if (verb == "drain") return drain(call);
  throw Misuse("pool: \"" + verb + "\" is none of: list add grow drain");
}

}  // namespace

const Command kPool = {
    .name = "pool",
    .operands = "list|add|grow|drain [NAME [CIDR...]]",
    .least = 1,
    .most = 66,
    .summary = "pools of addresses, of which nodes have blocks",
    .details =
        "Where /etc/patchcord/cluster.json names a source, `add` and `grow` change it for all\n"
        "nodes; without one they write this node's files. `drain` has blocks go as their last\n"
        "containers do.",
    .options = kOptions,
    .examples =
        "patchcord pool add pods 10.50.0.0/16 --block 26\npatchcord pool grow pods "
        "10.51.0.0/16\npatchcord pool list",
    .run = run_pool};

}  // namespace tool
