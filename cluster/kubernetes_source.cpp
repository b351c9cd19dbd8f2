// Blocks by node.spec.podCIDRs, which the controller manager of Kubernetes gives a node for its
// life.
#include <algorithm>

#include "cluster/failure.h"
#include "cluster/kubernetes_access.h"
#include "cluster/source.h"

namespace cluster {
namespace {

using Json = nlohmann::json;

constexpr long kOk = 200;

std::string remedy_of(long status) {
  switch (status) {
    case 401:
      return "the token or certificate has ended, or is another cluster's";
    case 403:
      return "the account needs get (and, for block list --all, list) of nodes";
    case 404:
      return "\"node\" of cluster.json is to be what kubectl get nodes calls this node";
    case 410:
      return "the list became too old while it was read; it can be tried again";
    case 429:
      return "the API is busy; it can be tried again";
    default:
      return "whether that is the API of a Kubernetes cluster";
  }
}

class KubernetesSource : public Source {
 public:
  explicit KubernetesSource(const Settings& settings)
      : KubernetesSource(settings, find_kubernetes(settings)) {}

  Claimed claim(const std::string& pool, const Blocks& known) override {
    const Own mine = own(pool);
    for (const auto& block : mine.blocks) {
      if (std::find(known.begin(), known.end(), block) == known.end())
        return {.block = block, .was_ours = true, .pool = mine.pool};
    }
    throw Failure(Kind::kNothing,
                  "Kubernetes gives node " + node_ + " no more of pool " + pool + " than " +
                      std::to_string(mine.blocks.size()) + " blocks, for its life",
                  "--node-cidr-mask-size of kube-controller-manager, for nodes from then on");
  }

  Own own(const std::string& pool) override {
    const Json node = ask("/api/v1/nodes/" + node_);
    const Blocks all = blocks_of(node);
    if (all.empty())
      throw Failure(Kind::kFailed, "node " + node_ + " has no podCIDR yet",
                    "kube-controller-manager gives it, with --allocate-node-cidrs");
    const Pool found = pool_of_name(pool, all);
    Own own{.blocks = {}, .pool = found};
    for (const auto& block : all) {
      if (is_in(found, block)) own.blocks.push_back(block);
    }
    return own;
  }

  void release(const std::string& /*pool*/, const base::IpPrefix& /*block*/) override {
    throw Failure(Kind::kFailed, "a podCIDR is the node's for its life, and goes with it");
  }

  All all(const std::string& pool) override {
    All all{.blocks = {}, .pool = own(pool).pool};
    std::string next;
    do {
      const Json list = ask("/api/v1/nodes?limit=500" + (next.empty() ? "" : "&continue=" + next));
      for (const auto& node : list.at("items")) {
        for (const auto& block : blocks_of(node)) {
          if (is_in(all.pool, block))
            all.blocks.push_back({.block = block,
                                  .pool = pool,
                                  .node = node.at("metadata").at("name").get<std::string>(),
                                  .machine = {},
                                  .since = 0});
        }
      }
      next = list.value("metadata", Json::object()).value("continue", "");
    } while (!next.empty());
    return all;
  }

  std::vector<Pool> pools() override {
    if (!pools_.empty()) return pools_;
    std::vector<Pool> found;
    for (const auto& block : blocks_of(ask("/api/v1/nodes/" + node_)))
      found.push_back(guess(block));
    return found;
  }
  void add_pool(const Pool& /*pool*/) override { refuse(); }
  void set_pool(const Pool& /*pool*/) override { refuse(); }
  std::vector<Owned> forget(const std::string& node) override {
    throw Failure(Kind::kFailed, "Kubernetes takes the blocks of a node with its object",
                  "kubectl delete node " + node);
  }

 private:
  KubernetesSource(const Settings& settings, const KubernetesAccess& access)
      : http_(access.endpoints, access.identity, settings.timeout, 0),
        node_(settings.node),
        pools_(settings.pools) {}

  [[noreturn]] static void refuse() {
    throw Failure(Kind::kFailed, "what a cluster's pools are, Kubernetes is told at its start",
                  "--cluster-cidr of kube-controller-manager, and the same as \"pools\" in "
                  "cluster.json");
  }

  [[nodiscard]] Json ask(const std::string& path) {
    const auto response = http_.send({.path = path, .body = {}});
    auto document = Json::parse(response.body, nullptr, false);
    if (response.status == kOk && document.is_object()) return document;
    const std::string words = document.is_object() ? document.value("message", "") : "";
    throw Failure(Kind::kFailed,
                  http_.endpoint() + path + ": HTTP " + std::to_string(response.status) +
                      (words.empty() ? "" : ": " + words),
                  remedy_of(response.status));
  }

  // podCIDR alone is what clusters of one family have had from the beginning.
  [[nodiscard]] static Blocks blocks_of(const Json& node) {
    const Json spec = node.value("spec", Json::object());
    auto texts = spec.value("podCIDRs", std::vector<std::string>());
    if (texts.empty() && spec.contains("podCIDR")) texts = {spec.value("podCIDR", "")};
    Blocks blocks;
    for (const auto& text : texts) {
      if (!text.empty()) blocks.push_back(block_of(text, "podCIDRs"));
    }
    return blocks;
  }

  // The API does not tell --cluster-cidr: where cluster.json does not, the pool is the block.
  [[nodiscard]] static Pool guess(const base::IpPrefix& block) {
    return {.name = block.address().is_v4() ? "pods" : "pods6",
            .cidrs = {block},
            .block = block.length()};
  }

  [[nodiscard]] Pool pool_of_name(const std::string& name, const Blocks& blocks) const {
    for (const auto& pool : pools_) {
      if (pool.name == name) return pool;
    }
    for (const auto& block : blocks) {
      if (pools_.empty() && guess(block).name == name) return guess(block);
    }
    throw Failure(Kind::kNothing, "there is no pool " + name,
                  "\"pools\" of cluster.json, or without those pods (IPv4) and pods6 (IPv6)");
  }

  [[nodiscard]] static bool is_in(const Pool& pool, const base::IpPrefix& block) {
    return std::any_of(pool.cidrs.begin(), pool.cidrs.end(), [&](const auto& cidr) {
      return cidr.contains(block.address()) && cidr.length() <= block.length();
    });
  }

  HttpClient http_;
  std::string node_;
  std::vector<Pool> pools_;
};

}  // namespace

std::unique_ptr<Source> make_kubernetes_source(const Settings& settings) {
  return std::make_unique<KubernetesSource>(settings);
}

}  // namespace cluster
