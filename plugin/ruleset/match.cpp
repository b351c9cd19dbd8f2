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
    case Field::kArpTarget:
      return load_packet_field(Base::kNetwork, 24, 4, to);
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

constexpr std::uint16_t kIpv4Type = 0x0800;
constexpr std::uint16_t kIpv6Type = 0x86dd;
constexpr std::uint16_t kArpType = 0x0806;

std::uint16_t ether_type(Family family) {
  return family == Family::kIpv4 ? kIpv4Type : kIpv6Type;
}

// As the frame has it: that of the tag, where it is in one. "meta protocol" would be what is in it.
Expressions compare_ether_type(Comparison comparison, std::uint16_t type) {
  return {load_payload(Base::kLink, 12, 2), compare(comparison, netlink::nft::port_value(type))};
}

Expressions has_ether_type(std::uint16_t type) {
  return compare_ether_type(Comparison::kEqual, type);
}

Expressions has_not_ether_type(std::uint16_t type) {
  return compare_ether_type(Comparison::kNotEqual, type);
}

Expressions is_of_type(std::uint8_t protocol, std::uint8_t type) {
  return {load_meta(Meta::kL4Proto), compare(Comparison::kEqual, {protocol}),
          load_payload(Base::kTransport, 0, 1), compare(Comparison::kEqual, {type})};
}

Expressions compare_group(Comparison comparison) {
  return {load_meta(Meta::kInGroup),
          netlink::nft::mask(netlink::nft::number_value(attachment::kGroupMask)),
          compare(comparison, netlink::nft::number_value(attachment::kGroupOfContainers))};
}

}  // namespace

Expressions join(std::initializer_list<Expressions> parts) {
  Expressions all;
  for (const Expressions& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Expressions is_family(Family family, const netlink::nft::Table& table) {
  if (table.family == TableFamily::kBridge) {
    return {load_meta(Meta::kProtocol),
            compare(Comparison::kEqual, netlink::nft::port_value(ether_type(family)))};
  }
  const std::uint8_t number = family == Family::kIpv4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
  return {load_meta(Meta::kNfProto), compare(Comparison::kEqual, {number})};
}

Expressions is_arp() {
  return has_ether_type(kArpType);
}

Expressions is_neither_arp_nor_ip() {
  return join(
      {has_not_ether_type(kArpType), has_not_ether_type(kIpv4Type), has_not_ether_type(kIpv6Type)});
}

Expressions is_icmp6(std::uint8_t type, const netlink::nft::Table& table) {
  return join({table.family == TableFamily::kBridge ? has_ether_type(kIpv6Type)
                                                    : is_family(Family::kIpv6, table),
               is_of_type(IPPROTO_ICMPV6, type)});
}

Expressions is_icmp6_in_tag(Tag tag, std::uint8_t type) {
  return join({has_ether_type(static_cast<std::uint16_t>(tag)),
               {load_payload(Base::kLink, 16, 2),
                compare(Comparison::kEqual, netlink::nft::port_value(kIpv6Type))},
               is_of_type(IPPROTO_ICMPV6, type)});
}

// The kernel has taken off the outer one by then.
Expressions has_second_tag(Tag tag) {
  return {load_meta(Meta::kProtocol),
          compare(Comparison::kEqual, netlink::nft::port_value(static_cast<std::uint16_t>(tag)))};
}

Expressions is_group_query() {
  constexpr std::uint8_t kQuery = 0x11;
  return join({has_ether_type(kIpv4Type), is_of_type(IPPROTO_IGMP, kQuery)});
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
  return compare_group(Comparison::kEqual);
}

Expressions does_not_come_from_container() {
  return compare_group(Comparison::kNotEqual);
}

Expressions is_answer() {
  constexpr std::uint32_t kEstablishedAndRelated = 2 | 4;  // NF_CT_STATE_BIT
  return {netlink::nft::load_ct_state(),
          netlink::nft::mask(netlink::nft::number_value(kEstablishedAndRelated)),
          compare(Comparison::kNotEqual, netlink::nft::number_value(0))};
}

Expressions is_invalid() {
  constexpr std::uint32_t kInvalid = 1;  // NF_CT_STATE_INVALID_BIT
  return {netlink::nft::load_ct_state(), netlink::nft::mask(netlink::nft::number_value(kInvalid)),
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
