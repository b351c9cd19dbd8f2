#include "plugin/ruleset/match.h"

#include <linux/in.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>

#include "plugin/attachment/attachment.h"

namespace ruleset {
namespace {

using base::Family;
using netlink::nft::Base;
using netlink::nft::Bytes;
using netlink::nft::compare;
using netlink::nft::Comparison;
using netlink::nft::load_meta;
using netlink::nft::load_payload;
using netlink::nft::Meta;
using netlink::nft::Register;
using netlink::nft::TableFamily;

struct Loaded {
  netlink::nft::Expression load;
  unsigned registers;
};

Loaded load_meta_field(Meta key, unsigned registers, Register to) {
  return {load_meta(key, to), registers};
}

Loaded load_packet_field(Base base, unsigned offset, unsigned length, Register to) {
  return {load_payload(base, offset, length, to), (length + 3) / 4};
}

// Offsets and lengths in the headers, in bytes (RFC 791, RFC 8200, RFC 826, RFC 4861).
Loaded load_field(Family family, Field field, Register to) {
  constexpr unsigned kNameRegisters = 4;
  const bool v4 = family == Family::kIpv4;
  switch (field) {
    case Field::kInName:
      return load_meta_field(Meta::kInName, kNameRegisters, to);
    case Field::kOutName:
      return load_meta_field(Meta::kOutName, kNameRegisters, to);
    case Field::kInGroup:
      return load_meta_field(Meta::kInGroup, 1, to);
    case Field::kSource:
      return load_packet_field(Base::kNetwork, v4 ? 12 : 8, v4 ? 4 : 16, to);
    case Field::kDestination:
      return load_packet_field(Base::kNetwork, v4 ? 16 : 24, v4 ? 4 : 16, to);
    case Field::kL4Protocol:
      return load_meta_field(Meta::kL4Proto, 1, to);
    case Field::kDestinationPort:
      return load_packet_field(Base::kTransport, 2, 2, to);
    case Field::kSourceMac:
      return load_packet_field(Base::kLink, 6, 6, to);
    case Field::kArpSenderMac:
      return load_packet_field(Base::kNetwork, 8, 6, to);
    case Field::kArpSender:
      return load_packet_field(Base::kNetwork, 14, 4, to);
    case Field::kNeighbourTarget:
      return load_packet_field(Base::kTransport, 8, 16, to);
  }
  return load_meta_field(Meta::kInName, kNameRegisters, to);
}

Expressions load(Family family, std::initializer_list<Field> fields) {
  Expressions all;
  Register next = 0;
  for (const Field field : fields) {
    Loaded loaded = load_field(family, field, next);
    all.push_back(std::move(loaded.load));
    next += loaded.registers;
  }
  return all;
}

Expressions look_up(Family family, std::initializer_list<Field> fields, const std::string& set,
                    netlink::nft::Membership membership) {
  return join({load(family, fields), {netlink::nft::look_up(set, membership)}});
}

Bytes ether_type(std::uint16_t type) {
  return netlink::nft::port_value(type);
}

}  // namespace

Expressions join(std::initializer_list<Expressions> parts) {
  Expressions all;
  for (const Expressions& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Expressions is_family(Family family, const netlink::nft::Table& table) {
  const bool v4 = family == Family::kIpv4;
  if (table.family == TableFamily::kBridge) {
    return {load_meta(Meta::kProtocol),
            compare(Comparison::kEqual, ether_type(v4 ? 0x0800 : 0x86dd))};
  }
  const std::uint8_t number = v4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
  return {load_meta(Meta::kNfProto), compare(Comparison::kEqual, {number})};
}

Expressions is_arp() {
  return {load_payload(Base::kLink, 12, 2), compare(Comparison::kEqual, ether_type(0x0806))};
}

Expressions is_icmp6(std::uint8_t type, const netlink::nft::Table& table) {
  Expressions family = is_family(Family::kIpv6, table);
  if (table.family == TableFamily::kBridge) {
    family = {load_payload(Base::kLink, 12, 2), compare(Comparison::kEqual, ether_type(0x86dd))};
  }
  return join({family,
               {load_meta(Meta::kL4Proto), compare(Comparison::kEqual, {IPPROTO_ICMPV6}),
                load_payload(Base::kTransport, 0, 1), compare(Comparison::kEqual, {type})}});
}

Expressions in_set(Family family, std::initializer_list<Field> fields, const std::string& set) {
  return look_up(family, fields, set, netlink::nft::Membership::kIn);
}

Expressions not_in_set(Family family, std::initializer_list<Field> fields, const std::string& set) {
  return look_up(family, fields, set, netlink::nft::Membership::kNotIn);
}

Expressions look_up_in(Family family, std::initializer_list<Field> fields, const std::string& map) {
  return join({load(family, fields), {netlink::nft::look_up_data(map, 0, 0)}});
}

Expressions is_unspecified(Family family, Field field) {
  const Loaded loaded = load_field(family, field, 0);
  return {loaded.load, compare(Comparison::kEqual, Bytes(std::size_t{loaded.registers} * 4))};
}

Expressions comes_from_container() {
  return {load_meta(Meta::kInGroup),
          netlink::nft::mask(netlink::nft::number_value(attachment::kGroupMask)),
          compare(Comparison::kEqual, netlink::nft::number_value(attachment::kGroupOfContainers))};
}

Expressions is_answer() {
  constexpr std::uint32_t kEstablishedAndRelated = 2 | 4;  // NF_CT_STATE_BIT
  return {netlink::nft::load_ct_state(),
          netlink::nft::mask(netlink::nft::number_value(kEstablishedAndRelated)),
          compare(Comparison::kNotEqual, netlink::nft::number_value(0))};
}

Expressions is_translated() {
  constexpr std::uint32_t kDstNat = 1U << 5U;  // IPS_DST_NAT
  return {netlink::nft::load_ct_status(), netlink::nft::mask(netlink::nft::number_value(kDstNat)),
          compare(Comparison::kNotEqual, netlink::nft::number_value(0))};
}

Expressions is_for_host() {
  return {netlink::nft::load_address_type(netlink::nft::FibOf::kDestination),
          compare(Comparison::kEqual, netlink::nft::number_value(RTN_LOCAL))};
}

netlink::nft::Type address_type(Family family) {
  return family == Family::kIpv4 ? netlink::nft::Type::kIpv4 : netlink::nft::Type::kIpv6;
}

std::string suffix(Family family) {
  return family == Family::kIpv4 ? "4" : "6";
}

}  // namespace ruleset
