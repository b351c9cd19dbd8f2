#include "netlink/nft/expression.h"

#include "netlink/nft/message.h"
#include "netlink/nft/transaction.h"

namespace netlink::nft {
namespace {

using libnl::Nest;
using Attributes = std::function<void(nl_msg* message)>;

std::uint32_t number_of(Register index) {
  return NFT_REG32_00 + index;
}

void write(nl_msg* message, std::string_view name, const Attributes& attributes) {
  const Nest element(message, NFTA_LIST_ELEM);
  libnl::put(message, NFTA_EXPR_NAME, name);
  const Nest data(message, NFTA_EXPR_DATA);
  attributes(message);
}

Expression make(std::string_view name, Attributes attributes) {
  return [name, attributes = std::move(attributes)](nl_msg* message, Transaction&) {
    write(message, name, attributes);
  };
}

Expression decide(const Verdict& verdict) {
  return make("immediate", [verdict](nl_msg* message) {
    put_number(message, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    put_verdict(message, NFTA_IMMEDIATE_DATA, verdict);
  });
}

Expression load_ct(std::uint32_t key, Register to) {
  return make("ct", [key, to](nl_msg* message) {
    put_number(message, NFTA_CT_KEY, key);
    put_number(message, NFTA_CT_DREG, number_of(to));
  });
}

void put_lookup(nl_msg* message, const std::string& set, Register from, Membership membership) {
  libnl::put(message, NFTA_LOOKUP_SET, std::string_view(set));
  put_number(message, NFTA_LOOKUP_SREG, number_of(from));
  if (membership == Membership::kNotIn) put_number(message, NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
}

}  // namespace

Expression load_payload(Base base, unsigned offset, unsigned length, Register to) {
  return make("payload", [=](nl_msg* message) {
    put_number(message, NFTA_PAYLOAD_DREG, number_of(to));
    put_number(message, NFTA_PAYLOAD_BASE, static_cast<std::uint32_t>(base));
    put_number(message, NFTA_PAYLOAD_OFFSET, offset);
    put_number(message, NFTA_PAYLOAD_LEN, length);
  });
}

Expression load_meta(Meta key, Register to) {
  return make("meta", [=](nl_msg* message) {
    put_number(message, NFTA_META_KEY, static_cast<std::uint32_t>(key));
    put_number(message, NFTA_META_DREG, number_of(to));
  });
}

Expression load_ct_state(Register to) {
  return load_ct(NFT_CT_STATE, to);
}

Expression load_ct_status(Register to) {
  return load_ct(NFT_CT_STATUS, to);
}

Expression load_address_type(FibOf of, Register to) {
  return make("fib", [=](nl_msg* message) {
    put_number(message, NFTA_FIB_FLAGS,
               of == FibOf::kDestination ? NFTA_FIB_F_DADDR : NFTA_FIB_F_SADDR);
    put_number(message, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
    put_number(message, NFTA_FIB_DREG, number_of(to));
  });
}

Expression load_value(const Bytes& value, Register to) {
  return make("immediate", [=](nl_msg* message) {
    put_number(message, NFTA_IMMEDIATE_DREG, number_of(to));
    put_value(message, NFTA_IMMEDIATE_DATA, value);
  });
}

Expression compare(Comparison comparison, const Bytes& with, Register from) {
  return make("cmp", [=](nl_msg* message) {
    put_number(message, NFTA_CMP_SREG, number_of(from));
    put_number(message, NFTA_CMP_OP, static_cast<std::uint32_t>(comparison));
    put_value(message, NFTA_CMP_DATA, with);
  });
}

Expression mask(const Bytes& mask, Register at) {
  return mask_and_flip(mask, Bytes(mask.size()), at);
}

Expression mask_and_flip(const Bytes& mask, const Bytes& flip, Register at) {
  return make("bitwise", [=](nl_msg* message) {
    put_number(message, NFTA_BITWISE_SREG, number_of(at));
    put_number(message, NFTA_BITWISE_DREG, number_of(at));
    put_number(message, NFTA_BITWISE_LEN, static_cast<std::uint32_t>(mask.size()));
    put_value(message, NFTA_BITWISE_MASK, mask);
    put_value(message, NFTA_BITWISE_XOR, flip);
  });
}

Expression look_up(const std::string& set, Membership membership, Register from) {
  return make("lookup", [=](nl_msg* message) { put_lookup(message, set, from, membership); });
}

Expression look_up_prefixes(const Table& table, std::vector<base::IpPrefix> prefixes,
                            Membership membership, Register from) {
  return [table, prefixes = std::move(prefixes), membership, from](nl_msg* rule,
                                                                   Transaction& transaction) {
    const std::uint32_t id = transaction.add_prefixes(table, prefixes);
    write(rule, "lookup", [&](nl_msg* message) {
      put_lookup(message, "__set%d", from, membership);
      put_number(message, NFTA_LOOKUP_SET_ID, id);
    });
  };
}

Expression look_up_data(const std::string& map, Register from, Register to) {
  return make("lookup", [=](nl_msg* message) {
    put_lookup(message, map, from, Membership::kIn);
    put_number(message, NFTA_LOOKUP_DREG, number_of(to));
  });
}

Expression look_up_verdict(const std::string& map, Register from) {
  return make("lookup", [=](nl_msg* message) {
    put_lookup(message, map, from, Membership::kIn);
    put_number(message, NFTA_LOOKUP_DREG, NFT_REG_VERDICT);
  });
}

Expression count() {
  return make("counter", [](nl_msg*) {});
}

Expression accept() {
  return decide({.code = NF_ACCEPT});
}

Expression drop() {
  return decide({.code = NF_DROP});
}

Expression leave() {
  return decide({.code = NFT_RETURN});
}

Expression jump(const std::string& chain) {
  return decide({.code = NFT_JUMP, .chain = chain});
}

Expression go_to(const std::string& chain) {
  return decide({.code = NFT_GOTO, .chain = chain});
}

Expression masquerade() {
  return make("masq", [](nl_msg*) {});
}

Expression dnat(base::Family family, Register address, Register port) {
  return make("nat", [=](nl_msg* message) {
    put_number(message, NFTA_NAT_TYPE, NFT_NAT_DNAT);
    put_number(message, NFTA_NAT_FAMILY,
               family == base::Family::kIpv4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
    put_number(message, NFTA_NAT_REG_ADDR_MIN, number_of(address));
    put_number(message, NFTA_NAT_REG_PROTO_MIN, number_of(port));
    put_number(message, NFTA_NAT_FLAGS, NF_NAT_RANGE_PROTO_SPECIFIED);
  });
}

Expression set_mark(Register from) {
  return make("meta", [=](nl_msg* message) {
    put_number(message, NFTA_META_KEY, NFT_META_MARK);
    put_number(message, NFTA_META_SREG, number_of(from));
  });
}

}  // namespace netlink::nft
