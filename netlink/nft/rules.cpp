#include "netlink/nft/rules.h"

#include <cerrno>
#include <string_view>

#include "netlink/nft/message.h"

namespace netlink::nft {
namespace {

using libnl::Attributes;

std::uint32_t number_of(const auto& attributes, int type) {
  return ntohl(attributes.template number<std::uint32_t>(type).value_or(0));
}

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

FoundRule read_rule(const nlmsghdr* message) {
  const Attributes<NFTA_RULE_MAX> attributes(message, sizeof(nfgenmsg));
  FoundRule rule;
  rule.handle = be64toh(attributes.number<std::uint64_t>(NFTA_RULE_HANDLE).value_or(0));
  rule.comment = find_comment(attributes.bytes(NFTA_RULE_USERDATA), 0);
  const nlattr* expressions = attributes[NFTA_RULE_EXPRESSIONS];
  if (expressions == nullptr) return rule;
  Reader reader(rule);
  int rest = nla_len(expressions);
  for (auto* at = static_cast<nlattr*>(nla_data(expressions)); nla_ok(at, rest) != 0;
       at = nla_next(at, &rest)) {
    const Attributes<NFTA_EXPR_MAX> expression(at);
    reader.read(expression.text(NFTA_EXPR_NAME), expression[NFTA_EXPR_DATA]);
  }
  return rule;
}

}  // namespace

std::vector<FoundRule> rules_of(Socket& socket, const Table& table, const std::string& chain) {
  const Message request = make_request(NFT_MSG_GETRULE, 0, table.family);
  libnl::put(request.get(), NFTA_RULE_TABLE, std::string_view(table.name));
  libnl::put(request.get(), NFTA_RULE_CHAIN, std::string_view(chain));
  std::vector<FoundRule> rules;
  try {
    socket.dump(
        request.get(), [&](const nlmsghdr* message) { rules.push_back(read_rule(message)); },
        [&] { rules.clear(); }, {"list rules of", to_string(table) + " " + chain});
  } catch (const Error& error) {
    if (error.code() != ENOENT) throw;
  }
  return rules;
}

}  // namespace netlink::nft
