#include "netlink/nft/demands.h"

#include <map>
#include <optional>
#include <string_view>

#include "netlink/nft/rule_dump.h"

namespace netlink::nft {
namespace {

using libnl::Attributes;
using Of = Demand::Of;

Bytes value_in(const nlattr* nest) {
  const auto bytes = Attributes<NFTA_DATA_MAX>(nest).bytes(NFTA_DATA_VALUE);
  return {bytes.begin(), bytes.end()};
}

/// Reads a rule's expressions in order, and keeps what each register holds.
class Reader {
 public:
  explicit Reader(FoundDemands& rule) : rule_(rule) {}

  void read(std::string_view name, const nlattr* data) {
    if (name == "meta") return read_meta(Attributes<NFTA_META_MAX>(data));
    if (name == "payload") return read_payload(Attributes<NFTA_PAYLOAD_MAX>(data));
    if (name == "ct") return read_conntrack(Attributes<NFTA_CT_MAX>(data));
    if (name == "bitwise") return read_mask(Attributes<NFTA_BITWISE_MAX>(data));
    if (name == "cmp") return read_comparison(Attributes<NFTA_CMP_MAX>(data));
    if (name == "lookup") return read_look_up(Attributes<NFTA_LOOKUP_MAX>(data));
    if (name == "immediate") return read_immediate(Attributes<NFTA_IMMEDIATE_MAX>(data));
    constexpr std::string_view kHarmless[] = {"counter", "log", "notrack"};
    for (const auto each : kHarmless) {
      if (name == each) return;
    }
    rule_.demands.push_back({});  // a match of xtables, a limit, a comparison of ranges
  }

 private:
  void read_meta(const Attributes<NFTA_META_MAX>& meta) {
    static const std::map<std::uint32_t, Of> kKeys = {{NFT_META_IIFNAME, Of::kInName},
                                                      {NFT_META_OIFNAME, Of::kOutName},
                                                      {NFT_META_MARK, Of::kMark},
                                                      {NFT_META_NFPROTO, Of::kFamily}};
    if (meta[NFTA_META_DREG] == nullptr) return;
    const auto at = kKeys.find(number_of(meta, NFTA_META_KEY));
    loaded_ = {.of = at == kKeys.end() ? Of::kSomething : at->second};
  }

  // An address may be loaded as far only as it is compared.
  void read_payload(const Attributes<NFTA_PAYLOAD_MAX>& payload) {
    loaded_ = {};
    if (number_of(payload, NFTA_PAYLOAD_BASE) != NFT_PAYLOAD_NETWORK_HEADER) return;
    const std::uint32_t offset = number_of(payload, NFTA_PAYLOAD_OFFSET);
    const std::uint32_t length = number_of(payload, NFTA_PAYLOAD_LEN);
    const bool is_ipv4 = (offset == 12 || offset == 16) && length <= 4;
    const bool is_ipv6 = (offset == 8 || offset == 24) && length <= 16;
    if (!is_ipv4 && !is_ipv6) return;
    loaded_.of = offset == 12 || offset == 8 ? Of::kSource : Of::kDestination;
    loaded_.family = is_ipv4 ? base::Family::kIpv4 : base::Family::kIpv6;
  }

  void read_conntrack(const Attributes<NFTA_CT_MAX>& conntrack) {
    loaded_ = {};
    if (number_of(conntrack, NFTA_CT_KEY) == NFT_CT_STATE) loaded_.of = Of::kState;
  }

  void read_mask(const Attributes<NFTA_BITWISE_MAX>& bitwise) {
    loaded_.mask = value_in(bitwise[NFTA_BITWISE_MASK]);
    for (const auto byte : value_in(bitwise[NFTA_BITWISE_XOR])) {
      if (byte != 0) loaded_.of = Of::kSomething;
    }
  }

  void read_comparison(const Attributes<NFTA_CMP_MAX>& comparison) {
    Demand demand = loaded_;
    const auto operation = number_of(comparison, NFTA_CMP_OP);
    if (operation != NFT_CMP_EQ && operation != NFT_CMP_NEQ) demand.of = Of::kSomething;
    demand.is_equal = operation == NFT_CMP_EQ;
    demand.value = value_in(comparison[NFTA_CMP_DATA]);
    rule_.demands.push_back(std::move(demand));
  }

  void read_look_up(const Attributes<NFTA_LOOKUP_MAX>& look_up) {
    Demand demand = loaded_;
    demand.is_looked_up = true;
    if (look_up[NFTA_LOOKUP_DREG] != nullptr) demand.of = Of::kSomething;  // a map
    rule_.demands.push_back(std::move(demand));
  }

  void read_immediate(const Attributes<NFTA_IMMEDIATE_MAX>& immediate) {
    const Attributes<NFTA_DATA_MAX> data(immediate[NFTA_IMMEDIATE_DATA]);
    if (data[NFTA_DATA_VERDICT] == nullptr) return;
    const Attributes<NFTA_VERDICT_MAX> verdict(data[NFTA_DATA_VERDICT]);
    rule_.has_verdict = true;
    rule_.verdict = {.code = static_cast<int>(number_of(verdict, NFTA_VERDICT_CODE)),
                     .chain = std::string(verdict.text(NFTA_VERDICT_CHAIN))};
  }

  FoundDemands& rule_;
  Demand loaded_;
};

FoundDemands read_rule(const RuleAttributes& attributes) {
  FoundDemands rule;
  Reader reader(rule);
  read_expressions(attributes,
                   [&](std::string_view name, const nlattr* data) { reader.read(name, data); });
  return rule;
}

}  // namespace

std::vector<FoundDemands> demands_of(Socket& socket, const Table& table, const std::string& chain) {
  return dump_rules(socket, table, chain, read_rule);
}

}  // namespace netlink::nft
