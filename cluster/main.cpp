// patchcord-blocks: asks who gives blocks to the nodes of a cluster. It speaks with that source and
// does nothing on this node; what it is given and what it answers is in docs/decisions/0110.
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>

#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "cluster/failure.h"
#include "cluster/settings.h"
#include "cluster/source.h"
#include "ipam/error.h"

namespace {

using cluster::Failure;
using cluster::Kind;
using cluster::Source;
using Json = nlohmann::json;

constexpr std::size_t kLongestInput = std::size_t{16} << 20U;
constexpr std::string_view kStdin = "stdin";

struct Call {
  Source& source;
  const std::vector<std::string>& operands;
  const Json& input;

  [[nodiscard]] std::string pool() const {
    if (!ipam::is_pool_name(operands.front()))
      throw Failure(Kind::kMisused, "\"" + operands.front() + "\" is no name of a pool");
    return operands.front();
  }
};

struct Verb {
  std::string_view name;
  std::size_t operands;
  Json (*run)(const Call&);
};

Json list_of(const cluster::Blocks& blocks) {
  Json list = Json::array();
  for (const auto& each : blocks) list.push_back(each.to_string());
  return list;
}

Json claim(const Call& call) {
  cluster::Blocks known;
  for (const auto& each : call.input.value("blocks", Json::array()))
    known.push_back(cluster::block_of(each.get<std::string>(), kStdin));
  const auto claimed = call.source.claim(call.pool(), known);
  return {{"block", claimed.block.to_string()},
          {"adopted", claimed.was_ours},
          {"pool", cluster::to_json(claimed.pool)}};
}

Json own(const Call& call) {
  const auto found = call.source.own(call.pool());
  return {{"blocks", list_of(found.blocks)}, {"pool", cluster::to_json(found.pool)}};
}

Json release(const Call& call) {
  call.source.release(call.pool(), cluster::block_of(call.operands.at(1), "release"));
  return Json::object();
}

Json all(const Call& call) {
  const auto found = call.source.all(call.pool());
  Json list = Json::array();
  for (const auto& each : found.blocks) {
    list.push_back({{"block", each.block.to_string()},
                    {"node", each.node},
                    {"machine", each.machine},
                    {"since", each.since}});
  }
  return {{"blocks", list}, {"pool", cluster::to_json(found.pool)}};
}

Json pools(const Call& call) {
  Json list = Json::array();
  for (const auto& each : call.source.pools()) list.push_back(cluster::to_json(each));
  return {{"pools", list}};
}

Json add_pool(const Call& call) {
  call.source.add_pool(cluster::pool_of(call.input, kStdin));
  return Json::object();
}

Json set_pool(const Call& call) {
  call.source.set_pool(cluster::pool_of(call.input, kStdin));
  return Json::object();
}

Json forget(const Call& call) {
  Json list = Json::array();
  for (const auto& each : call.source.forget(call.operands.front()))
    list.push_back({{"pool", each.pool}, {"block", each.block.to_string()}});
  return {{"blocks", list}};
}

constexpr std::array<Verb, 8> kVerbs = {{{"claim", 1, claim},
                                         {"own", 1, own},
                                         {"release", 2, release},
                                         {"all", 1, all},
                                         {"pools", 0, pools},
                                         {"pool-add", 0, add_pool},
                                         {"pool-set", 0, set_pool},
                                         {"forget", 1, forget}}};

const Verb& verb_of(std::span<const char* const> words) {
  for (const auto& verb : kVerbs) {
    if (!words.empty() && verb.name == words.front() && words.size() == verb.operands + 1)
      return verb;
  }
  throw Failure(Kind::kMisused,
                "usage: patchcord-blocks claim POOL | own POOL | release POOL BLOCK | "
                "all POOL | pools | pool-add | pool-set | forget NODE",
                "patchcord block and patchcord pool call it");
}

std::string setting(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): there is one thread
  return value == nullptr || *value == '\0' ? otherwise : value;
}

std::unique_ptr<Source> source_of(const cluster::Settings& settings) {
  if (settings.source == "etcd") {
    return cluster::make_etcd_source(
        settings, cluster::machine_identity(setting("PATCHCORD_MACHINE_ID", "/etc/machine-id")));
  }
  if (settings.source == "kubernetes") return cluster::make_kubernetes_source(settings);
  throw Failure(Kind::kFailed, settings.path + ": source \"" + settings.source +
                                   "\" is neither etcd nor kubernetes, and asked by nobody");
}

Json read_input() {
  const std::string text = base::read_all(STDIN_FILENO, kLongestInput, kStdin);
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) return Json::object();
  auto input = Json::parse(text, nullptr, false);
  if (!input.is_object()) throw Failure(Kind::kMisused, "stdin is no JSON object");
  return input;
}

Json run(std::span<const char* const> words) {
  const Verb& verb = verb_of(words);
  const Json input = read_input();
  const auto settings =
      cluster::read_settings(setting("PATCHCORD_CLUSTER", "/etc/patchcord/cluster.json"));
  const auto source = source_of(settings);
  const std::vector<std::string> operands(words.begin() + 1, words.end());
  return verb.run({*source, operands, input});
}

int answer(const Json& document, Kind kind) {
  // What others wrote need not be UTF-8, but this is.
  base::write_all(STDOUT_FILENO,
                  document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n", "stdout");
  return static_cast<int>(kind);
}

int answer_failure(const std::string& what, const std::string& remedy, Kind kind) {
  return answer({{"error", what}, {"details", remedy}}, kind);
}

int run_answering(std::span<const char* const> words) {
  try {
    return answer(run(words), Kind::kDone);
  } catch (const Failure& failure) {
    return answer_failure(failure.what(), failure.remedy(), failure.kind());
  } catch (const Json::exception& error) {
    return answer_failure(std::string("what was given is not as it is to be: ") + error.what(), "",
                          Kind::kMisused);
  } catch (const std::exception& error) {
    return answer_failure(error.what(), "", Kind::kFailed);
  }
}

}  // namespace

int main(int argc, char* argv[]) {
  // Who asked may have gone, and a server may hang up.
  (void)std::signal(SIGPIPE, SIG_IGN);
  try {
    return run_answering(
        std::span<char* const>(argv + 1, static_cast<std::size_t>(std::max(argc - 1, 0))));
  } catch (const std::exception& error) {
    (void)std::fprintf(stderr, "patchcord-blocks: %s\n", error.what());
    return static_cast<int>(Kind::kFailed);
  }
}
