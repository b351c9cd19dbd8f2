#include "plugin/lease/block_source.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "plugin/cni/child_process.h"
#include "plugin/cni/error.h"
#include "plugin/cni/object.h"
#include "plugin/cni/text.h"

namespace lease {
namespace {

constexpr std::string_view kUsualProgram = "/usr/libexec/patchcord/patchcord-blocks";
constexpr std::size_t kLongestAnswer = std::size_t{16} << 20U;
constexpr int kNothingToBeHad = 3;

std::string program_of(const cni::Environment& environment) {
  std::string given = environment.get("PATCHCORD_BLOCKS");
  return given.empty() ? std::string(kUsualProgram) : given;
}

std::vector<std::string> variables_of(const cni::Environment& environment) {
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment.all()) {
    if (name.starts_with("CNI_")) continue;
    variables.emplace_back(name).append(1, '=').append(value);
  }
  return variables;
}

[[noreturn]] void fail(const std::string& what, const std::string& details = {}) {
  throw cni::Error(cni::Code::kTryAgainLater, what, details);
}

// Its own words, where it left some.
[[noreturn]] void rethrow_answer(const std::string& program, const cni::Outcome& outcome) {
  std::string what = program + " failed with exit status " + std::to_string(outcome.number);
  std::string details;
  try {
    const auto document = cni::parse_object(outcome.output, "its answer");
    const cni::Object answer(document, "");
    what = answer.text("error").value_or(what);
    details = answer.text("details").value_or("");
  } catch (const cni::Error&) {
    if (!outcome.output.empty()) details = "stdout: " + cni::quote(outcome.output);
  }
  if (outcome.number == kNothingToBeHad) throw cni::Error(cni::Code::kExhausted, what, details);
  fail(what, details);
}

// An answer that is none is the program's failure, whatever the text was taken for.
template <typename Read>
auto read_answer(const std::string& text, Read read) {
  constexpr const char* kCalled = "the answer of patchcord-blocks";
  try {
    const auto document = cni::parse_object(text, kCalled);
    return read(cni::Object(document, ""));
  } catch (const cni::Error& error) {
    fail(std::string(kCalled) + ": " + error.what());
  }
}

base::IpPrefix parse_block(const std::string& text) {
  const auto block = base::IpPrefix::parse(text);
  if (!block || block->has_host_bits()) fail("the source gave " + cni::quote(text) + " as a block");
  return *block;
}

config::Pool read_pool_of(const cni::Object& answer) {
  const auto* pool = answer.find("pool");
  if (pool == nullptr) answer.reject("pool", "is missing");
  return config::parse_pool(pool->dump(), "pool");
}

std::string names_of(const std::vector<base::IpPrefix>& blocks) {
  std::string text;
  for (const auto& block : blocks)
    text += (text.empty() ? "\"" : ", \"") + block.to_string() + "\"";
  return "{\"blocks\": [" + text + "]}";
}

std::vector<PlacedBlock> read_placed(const cni::Object& answer, const std::string& pool) {
  constexpr std::int64_t kLatest = INT64_C(1) << 52;
  std::vector<PlacedBlock> blocks;
  for (const auto& each : answer.objects("blocks")) {
    blocks.push_back({.pool = each.text("pool").value_or(pool),
                      .block = parse_block(each.text("block").value_or("")),
                      .node = each.text("node").value_or(""),
                      .since = each.integer("since", 0, kLatest).value_or(0)});
  }
  return blocks;
}

}  // namespace

BlockSource::BlockSource(const cni::Environment& environment, std::chrono::milliseconds patience)
    : environment_(environment), program_(program_of(environment)), patience_(patience) {}

std::string BlockSource::ask(const std::vector<std::string>& words,
                             const std::string& input) const {
  cni::Outcome outcome;
  try {
    outcome = cni::run_child(program_, variables_of(environment_), input,
                             {.patience = patience_, .output = kLongestAnswer}, words);
  } catch (const base::SystemError& error) {
    fail(std::string("the source of blocks cannot be asked: ") + error.what(),
         "it is in the package patchcord-cluster");
  }
  using End = cni::Outcome::End;
  if (outcome.end == End::kTimedOut)
    fail(program_ + " did not end within " + std::to_string(patience_.count()) +
         " ms and was killed");
  if (outcome.end != End::kExited) fail(program_ + " was killed");
  if (outcome.number != 0) rethrow_answer(program_, outcome);
  return std::move(outcome.output);
}

Claimed BlockSource::claim(const std::string& pool, const std::vector<base::IpPrefix>& had) const {
  return read_answer(ask({"claim", pool}, names_of(had)), [](const cni::Object& answer) {
    return Claimed{.block = parse_block(answer.text("block").value_or("")),
                   .is_adopted = answer.boolean("adopted").value_or(false),
                   .pool = read_pool_of(answer)};
  });
}

Owned BlockSource::own(const std::string& pool) const {
  return read_answer(ask({"own", pool}), [](const cni::Object& answer) {
    Owned owned{.blocks = {}, .pool = read_pool_of(answer)};
    for (const auto& text : answer.texts("blocks")) owned.blocks.push_back(parse_block(text));
    return owned;
  });
}

void BlockSource::release(const std::string& pool, const base::IpPrefix& block) const {
  (void)ask({"release", pool, block.to_string()});
}

std::vector<PlacedBlock> BlockSource::all(const std::string& pool) const {
  return read_answer(ask({"all", pool}),
                     [&](const cni::Object& answer) { return read_placed(answer, pool); });
}

std::vector<config::Pool> BlockSource::pools() const {
  return read_answer(ask({"pools"}), [](const cni::Object& answer) {
    std::vector<config::Pool> pools;
    answer.each("pools", [&](const nlohmann::json& element, const std::string& path) {
      pools.push_back(config::parse_pool(element.dump(), path));
    });
    return pools;
  });
}

void BlockSource::add_pool(const config::Pool& pool) const {
  (void)ask({"pool-add"}, config::print_pool(pool));
}

void BlockSource::set_pool(const config::Pool& pool) const {
  (void)ask({"pool-set"}, config::print_pool(pool));
}

std::vector<PlacedBlock> BlockSource::forget(const std::string& node) const {
  return read_answer(ask({"forget", node}),
                     [](const cni::Object& answer) { return read_placed(answer, ""); });
}

}  // namespace lease
