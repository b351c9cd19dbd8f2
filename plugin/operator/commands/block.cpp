// patchcord block: which blocks of pools this node has, and what becomes of them.
#include <algorithm>
#include <array>

#include "plugin/cni/error.h"
#include "plugin/lease/block_routes.h"
#include "plugin/lease/claim.h"
#include "plugin/lease/pool.h"
#include "plugin/operator/format.h"
#include "plugin/operator/mending.h"
#include "plugin/operator/pools.h"
#include "plugin/operator/table.h"

namespace tool {
namespace {

constexpr std::chrono::seconds kPatience{30};

constexpr Option kAllOption = {.name = "all",
                               .meaning = "those of all nodes, as the source has it"};
constexpr Option kFencedOption = {
    .name = "fenced", .meaning = "that node is off, or cut off, and will not come back with them"};
constexpr std::array kOptions = {kAllOption, kFencedOption, kTableOrJsonOption};

const std::string& word(const Call& call, std::size_t number, std::string_view usage) {
  const auto& words = call.arguments.operands();
  if (words.size() > number) return words[number];
  throw Misuse("usage: patchcord block " + std::string(usage));
}

lease::BlockSource source_of(const Call& call) {
  return {call.environment, lease::kOperatorPatience};
}

// The pool that is meant, or all.
std::string wanted_pool(const Call& call) {
  const auto& words = call.arguments.operands();
  return words.size() > 1 ? words[1] : "";
}

void list_all(const Call& call, Table& table, Json& json) {
  std::vector<std::string> names;
  const std::string wanted = wanted_pool(call);
  if (!wanted.empty()) {
    names.push_back(wanted);
  } else {
    for (const auto& pool : source_of(call).pools()) names.push_back(pool.name);
  }
  for (const auto& name : names) {
    for (const auto& each : source_of(call).all(name)) {
      const auto since = std::chrono::system_clock::time_point(std::chrono::seconds(each.since));
      table.add({{.text = name},
                 {.text = each.block.to_string()},
                 {.text = each.node},
                 {.text = each.since == 0 ? "-" : age_of(since)}});
      json.begin_object()
          .member("pool", name)
          .member("block", each.block.to_string())
          .member("node", each.node)
          .member("since", each.since)
          .end_object();
    }
  }
}

void list_own(const Call& call, Table& table, Json& json) {
  netlink::Socket host;
  const auto routes = lease::find_block_routes(host);
  const std::string wanted = wanted_pool(call);
  for (const auto& pool : view_pools(call.environment)) {
    if (!wanted.empty() && pool.place.name() != wanted) continue;
    if (!pool.problem.empty()) call.console.report(pool.problem);
    for (const auto& block : pool.blocks) {
      const bool has_route = std::find(routes.begin(), routes.end(), block.prefix) != routes.end();
      const auto used = ipam::count_in(block.prefix, pool.reserved);
      table.add({{.text = pool.place.name()},
                 {.text = block.prefix.to_string()},
                 {.text = std::to_string(used) + "/" + std::to_string(ipam::size_of(block.prefix))},
                 {.text = has_route ? "yes" : "no"},
                 {.text = std::string(to_string(block.use)), .tone = Tone::kWarning}});
      json.begin_object()
          .member("pool", pool.place.name())
          .member("block", block.prefix.to_string())
          .member("used", used)
          .member("size", ipam::size_of(block.prefix))
          .member("announced", has_route)
          .member("use", to_string(block.use))
          .end_object();
    }
  }
}

int list(const Call& call) {
  const bool all = call.arguments.has(kAllOption.name) && !is_by_hand(call);
  Table table(all ? std::vector<Column>{{.title = "POOL"},
                                        {.title = "BLOCK"},
                                        {.title = "NODE", .least = 8},
                                        {.title = "AGE"}}
                  : std::vector<Column>{{.title = "POOL"},
                                        {.title = "BLOCK"},
                                        {.title = "USED"},
                                        {.title = "ANNOUNCED"},
                                        {.title = "USE"}});
  Json json;
  json.begin_object().key("blocks").begin_list();
  all ? list_all(call, table, json) : list_own(call, table, json);
  json.end_list().end_object();
  if (call.arguments.value(kTableOrJsonOption.name) == "json") {
    call.console.write(json.document());
  } else if (table.empty()) {
    call.console.report(all ? "no node has a block" : "this node has no block");
  } else {
    call.console.write(table.to_text(call.console));
  }
  return kFine;
}

int take_by_hand(const Call& call, const ipam::PoolFiles& files) {
  const auto& words = call.arguments.operands();
  if (!is_by_hand(call))
    throw Misuse("the source chooses the block; one is named only where they are given by hand");
  for (std::size_t i = 2; i < words.size(); ++i) {
    lease::take_block(files, require_prefix(words[i]));
    call.console.write(words[i] + " of pool " + words[1] + " is this node's\n");
  }
  return kFine;
}

// Before anything is made for it.
void require_known(const ipam::PoolPlace& place) {
  if (ipam::read_definition(place) || !lease::require_blocks(place).empty()) return;
  throw cni::Error(cni::Code::kConflict, "this node has no pool " + place.name());
}

int claim(const Call& call) {
  const auto place = require_pool(call, word(call, 1, "claim POOL [BLOCK]"));
  const bool is_named = call.arguments.operands().size() > 2;
  if (is_by_hand(call) && !is_named) require_known(place);
  const ipam::PoolFiles files(place, kPatience);
  if (is_named) return take_by_hand(call, files);
  const auto claimed = lease::claim_locked(call.environment, files, lease::kOperatorPatience);
  call.console.write((claimed.is_adopted ? "adopted " : "claimed ") + claimed.block.to_string() +
                     "\n");
  return kFine;
}

int adopt(const Call& call) {
  const auto place = require_pool(call, word(call, 1, "adopt POOL [BLOCK...]"));
  const ipam::PoolFiles files(place, kPatience);
  if (call.arguments.operands().size() > 2) return take_by_hand(call, files);
  if (is_by_hand(call)) throw Misuse("no source gives blocks: say which are this node's");
  for (const auto& block : lease::adopt_blocks(files, source_of(call).own(place.name())))
    call.console.write("adopted " + block.to_string() + "\n");
  Reporter reporter(call);
  lease::announce_blocks(reporter.upkeep());
  return reporter.status();
}

int release(const Call& call) {
  constexpr std::string_view kUsage = "release POOL BLOCK";
  const auto place = require_pool(call, word(call, 1, kUsage));
  const auto block = require_prefix(word(call, 2, kUsage));
  require_known(place);
  Reporter reporter(call);
  const ipam::PoolFiles files(place, kPatience);
  const auto released = lease::release_block(reporter.upkeep(), files, block);
  call.console.write(released == lease::Released::kGone
                         ? "released " + block.to_string() + "\n"
                         : block.to_string() +
                               " drains: it is given back when its last container is gone\n");
  return kFine;
}

int forget(const Call& call) {
  const auto& node = word(call, 1, "forget NODE --fenced");
  if (is_by_hand(call)) throw Misuse("no source gives blocks, so none knows of a node");
  if (!call.arguments.has(kFencedOption.name)) {
    throw Misuse("if " + node +
                 " still runs, its containers lose their addresses to others; --fenced says that "
                 "it does not");
  }
  for (const auto& each : source_of(call).forget(node))
    call.console.write("took " + each.block.to_string() + " of pool " + each.pool + " from " +
                       node + "\n");
  return kFine;
}

int run_block(const Call& call) {
  const std::string& verb = call.arguments.operands().front();
  if (verb == "list") return list(call);
  if (verb == "claim") return claim(call);
  if (verb == "adopt") return adopt(call);
  if (verb == "release") return release(call);
  if (verb == "forget") return forget(call);
  Reporter reporter(call);
  if (verb == "boot") {
    lease::boot_blocks(reporter.upkeep());
    return kFine;  // without the source, what the files say is announced
  }
  if (verb != "keep")
    throw Misuse("block: \"" + verb + "\" is none of: list claim release keep boot adopt forget");
  lease::keep_blocks(reporter.upkeep());
  return reporter.status();
}

}  // namespace

const Command kBlock = {
    .name = "block",
    .operands = "list|claim|release|keep|boot|adopt|forget [POOL|NODE [BLOCK...]]",
    .least = 1,
    .most = 66,
    .summary = "the blocks of pools that this node has",
    .details =
        "`boot` announces what the node has, before routing daemons and runtimes start; `keep`,\n"
        "each minute, sees to it that a quarter of a block is free and gives back what is not\n"
        "needed. Each block is one route: ip route show proto patchcord.\n"
        "Exit status 1 of keep: something could not be done.",
    .options = kOptions,
    .examples =
        "patchcord block claim pods\npatchcord block claim pods 10.50.7.0/26\npatchcord "
        "block list\npatchcord block forget n4 --fenced",
    .run = run_block};

}  // namespace tool
