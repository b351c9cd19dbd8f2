#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "netlink/nft/expression.h"

/// Rules in the words of nft, for inet tables and for those of bridges.
namespace ruleset {

using Expressions = std::vector<netlink::nft::Expression>;

/// One after the other.
[[nodiscard]] Expressions join(std::initializer_list<Expressions> parts);

/// "iifname" and so on: what is loaded to be looked up.
enum class Field : std::uint8_t {
  kInName,
  kOutName,
  kInGroup,
  kSource,  // IP addresses
  kDestination,
  kL4Protocol,
  kDestinationPort,
  kSourceMac,
  kArpSenderMac,
  kArpSender,        // IP address
  kArpTarget,        // IP address
  kNeighbourTarget,  // "@th,64,128": the address that a solicitation or advertisement is about
};

/// That the packet is of the family: of what an address field needs, and not more. In a bridge's
/// table it is asked of the frame.
[[nodiscard]] Expressions is_family(base::Family family, const netlink::nft::Table& table);
[[nodiscard]] Expressions is_arp();
/// Of a frame: it is neither ARP nor IP, or it is in a tag.
[[nodiscard]] Expressions is_neither_arp_nor_ip();
inline constexpr std::uint8_t kRouterAdvertisement = 134;
/// ICMPv6 of one of these types.
[[nodiscard]] Expressions is_icmp6(std::uint8_t type, const netlink::nft::Table& table);
/// What a frame may be wrapped in: 802.1Q, 802.1ad.
enum class Tag : std::uint16_t { kCustomer = 0x8100, kService = 0x88a8 };
/// Of a frame: ICMPv6 of this type in one such tag.
[[nodiscard]] Expressions is_icmp6_in_tag(Tag tag, std::uint8_t type);
/// Of a frame: there is one in another tag, whichever.
[[nodiscard]] Expressions has_second_tag(Tag tag);
/// Of a frame: a router that asks who is in which multicast group (IGMP, of all its versions).
[[nodiscard]] Expressions is_group_query();

/// "iifname . ip saddr @set", or "!= @set". What the fields need to be there must have been asked.
[[nodiscard]] Expressions in_set(base::Family family, std::initializer_list<Field> fields,
                                 const std::string& set);
[[nodiscard]] Expressions not_in_set(base::Family family, std::initializer_list<Field> fields,
                                     const std::string& set);

/// "ip daddr . meta l4proto . th dport map @map": its data is in the registers from 0 on then.
[[nodiscard]] Expressions look_up_in(base::Family family, std::initializer_list<Field> fields,
                                     const std::string& map);

/// "ip saddr 0.0.0.0" or "ip6 saddr ::", "arp saddr ip 0.0.0.0".
[[nodiscard]] Expressions is_unspecified(base::Family family, Field field);

/// Whether the packet comes from a container of ours.
[[nodiscard]] Expressions comes_from_container();
[[nodiscard]] Expressions does_not_come_from_container();
/// "ct state established,related".
[[nodiscard]] Expressions is_answer();
/// "ct state invalid".
[[nodiscard]] Expressions is_invalid();
/// "ct status dnat": the first packet of its connection was sent to another place.
[[nodiscard]] Expressions is_translated();
/// "fib daddr type local": it is sent to the host itself.
[[nodiscard]] Expressions is_for_host();

[[nodiscard]] netlink::nft::Type address_type(base::Family family);
/// "4" or "6", as the end of a set's name.
[[nodiscard]] std::string suffix(base::Family family);

}  // namespace ruleset
