#pragma once

// How nf_tables' requests are laid out. Not for other folders.
//
// Numbers in attributes are big-endian, unlike those of the rest of netlink.

#include <string_view>

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "netlink/libnl.h"
#include "netlink/nft/object.h"

namespace netlink::nft {

/// `type` is one of NFT_MSG_...
[[nodiscard]] inline Message make_request(int type, int flags, TableFamily family) {
  return libnl::make_message(
      (NFNL_SUBSYS_NFTABLES << 8) | type, flags,
      nfgenmsg{
          .nfgen_family = static_cast<std::uint8_t>(family), .version = NFNETLINK_V0, .res_id = 0});
}

inline void put_number(nl_msg* message, int type, std::uint32_t value) {
  libnl::put(message, type, htonl(value));
}

/// Absent is 0.
[[nodiscard]] std::uint32_t number_of(const auto& attributes, int type) {
  return ntohl(attributes.template number<std::uint32_t>(type).value_or(0));
}

inline void put_bytes(nl_msg* message, int type, const Bytes& bytes) {
  libnl::put(message, type, std::span<const std::uint8_t>(bytes));
}

/// struct nft_data: a value.
inline void put_value(nl_msg* message, int type, const Bytes& bytes) {
  const libnl::Nest nest(message, type);
  put_bytes(message, NFTA_DATA_VALUE, bytes);
}

/// struct nft_data: a verdict.
inline void put_verdict(nl_msg* message, int type, const Verdict& verdict) {
  const libnl::Nest nest(message, type);
  const libnl::Nest inner(message, NFTA_DATA_VERDICT);
  put_number(message, NFTA_VERDICT_CODE, static_cast<std::uint32_t>(verdict.code));
  if (!verdict.chain.empty())
    libnl::put(message, NFTA_VERDICT_CHAIN, std::string_view(verdict.chain));
}

/// Entries of the user data that nft attaches to objects: type, length, value (libnftnl, udata.h).
void append_user_data(Bytes& data, std::uint8_t type, std::span<const std::uint8_t> value);
/// A comment, with its terminator. Of rules and of elements it is type 0.
void append_comment(Bytes& data, std::uint8_t type, std::string_view comment);
/// Empty where there is none.
[[nodiscard]] std::string find_comment(std::span<const std::uint8_t> data, std::uint8_t type);

}  // namespace netlink::nft
