#include "netlink/nft/rules.h"

#include <string_view>

#include "netlink/nft/rule_dump.h"

namespace netlink::nft {
namespace {

using libnl::Attributes;

/// Reads a rule's expressions in order. A comparison is about what was loaded just before it.
class Reader {
 public:
  explicit Reader(FoundRule& rule) : rule_(rule) {}

  void read(std::string_view name, const nlattr* data) {
    std::optional<base::IpAddress>* const compared = compared_;
    compared_ = nullptr;
    if (name == "payload") read_payload(Attributes<NFTA_PAYLOAD_MAX>(data));
    if (name == "cmp" && compared != nullptr)
      read_comparison(Attributes<NFTA_CMP_MAX>(data), *compared);
    if (name == "immediate") read_immediate(Attributes<NFTA_IMMEDIATE_MAX>(data));
  }

 private:
  // Where the addresses are in the headers of IPv4 and IPv6 (RFC 791, 8200).
  void read_payload(const Attributes<NFTA_PAYLOAD_MAX>& payload) {
    if (number_of(payload, NFTA_PAYLOAD_BASE) != NFT_PAYLOAD_NETWORK_HEADER) return;
    const std::uint32_t offset = number_of(payload, NFTA_PAYLOAD_OFFSET);
    const std::uint32_t length = number_of(payload, NFTA_PAYLOAD_LEN);
    if ((length == 4 && offset == 12) || (length == 16 && offset == 8)) compared_ = &rule_.source;
    if ((length == 4 && offset == 16) || (length == 16 && offset == 24))
      compared_ = &rule_.destination;
  }

  static void read_comparison(const Attributes<NFTA_CMP_MAX>& comparison,
                              std::optional<base::IpAddress>& compared) {
    if (number_of(comparison, NFTA_CMP_OP) != NFT_CMP_EQ) return;
    const Attributes<NFTA_DATA_MAX> data(comparison[NFTA_CMP_DATA]);
    compared = libnl::read_ip_address(data.bytes(NFTA_DATA_VALUE));
  }

  void read_immediate(const Attributes<NFTA_IMMEDIATE_MAX>& immediate) {
    const Attributes<NFTA_DATA_MAX> data(immediate[NFTA_IMMEDIATE_DATA]);
    if (auto address = libnl::read_ip_address(data.bytes(NFTA_DATA_VALUE))) rule_.loaded = address;
    if (data[NFTA_DATA_VERDICT] == nullptr) return;
    const Attributes<NFTA_VERDICT_MAX> verdict(data[NFTA_DATA_VERDICT]);
    rule_.has_verdict = true;
    rule_.verdict = {.code = static_cast<int>(number_of(verdict, NFTA_VERDICT_CODE)),
                     .chain = std::string(verdict.text(NFTA_VERDICT_CHAIN))};
  }

  FoundRule& rule_;
  std::optional<base::IpAddress>* compared_ = nullptr;
};

FoundRule read_rule(const RuleAttributes& attributes) {
  FoundRule rule;
  rule.handle = be64toh(attributes.number<std::uint64_t>(NFTA_RULE_HANDLE).value_or(0));
  rule.comment = find_comment(attributes.bytes(NFTA_RULE_USERDATA), 0);
  Reader reader(rule);
  read_expressions(attributes,
                   [&](std::string_view name, const nlattr* data) { reader.read(name, data); });
  return rule;
}

}  // namespace

std::vector<FoundRule> rules_of(Socket& socket, const Table& table, const std::string& chain) {
  return dump_rules(socket, table, chain, read_rule);
}

}  // namespace netlink::nft
