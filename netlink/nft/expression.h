#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "netlink/nft/object.h"

/// The steps of a rule, as the kernel has them: each loads something into registers, or compares
/// what is in them and ends the rule where that fails, or does something. nft shows a rule well
/// only if its steps are those that nft would have made of the text ("nft --debug=netlink").
namespace netlink::nft {

/// Registers have four bytes each, 0 to 15; what is longer takes those that follow. A
/// concatenation's fields lie one behind the other.
using Register = unsigned;

enum class Base : std::uint8_t { kLink = 0, kNetwork = 1, kTransport = 2 };

enum class Meta : std::uint8_t {
  kProtocol = 1,  // ETH_P_..., big-endian
  kMark = 3,
  kInName = 6,
  kOutName = 7,
  kNfProto = 15,  // NFPROTO_..., one byte
  kL4Proto = 16,  // IPPROTO_..., one byte
  kInGroup = 21,
  kOutGroup = 22
};

enum class Comparison : std::uint8_t { kEqual = 0, kNotEqual = 1 };

/// Bytes of the packet; `offset` and `length` in bytes from the header's beginning.
[[nodiscard]] Expression load_payload(Base base, unsigned offset, unsigned length, Register to = 0);
[[nodiscard]] Expression load_meta(Meta key, Register to = 0);
/// Bits of enum ip_conntrack_info as nft has them (NF_CT_STATE_BIT). Makes the namespace track
/// connections.
[[nodiscard]] Expression load_ct_state(Register to = 0);
/// Bits of enum ip_conntrack_status (IPS_DST_NAT, ...). Makes the namespace track connections.
[[nodiscard]] Expression load_ct_status(Register to = 0);
/// The type of the destination or source address as the routing table has it (RTN_LOCAL, ...).
enum class FibOf : std::uint8_t { kDestination, kSource };
[[nodiscard]] Expression load_address_type(FibOf of, Register to = 0);
[[nodiscard]] Expression load_value(const Bytes& value, Register to = 0);

[[nodiscard]] Expression compare(Comparison comparison, const Bytes& with, Register from = 0);
/// In place.
[[nodiscard]] Expression mask(const Bytes& mask, Register at = 0);
/// The same, and turns the bits of `flip` afterwards.
[[nodiscard]] Expression mask_and_flip(const Bytes& mask, const Bytes& flip, Register at = 0);

enum class Membership : std::uint8_t { kIn, kNotIn };
/// Whether the registers from `from` on are a key of the set.
[[nodiscard]] Expression look_up(const std::string& set, Membership membership = Membership::kIn,
                                 Register from = 0);
/// The same, of prefixes, which are of one family, without a name.
[[nodiscard]] Expression look_up_prefixes(const Table& table, std::vector<base::IpPrefix> prefixes,
                                          Membership membership, Register from = 0);
/// The data under that key; the rule ends where there is none.
[[nodiscard]] Expression look_up_data(const std::string& map, Register from, Register to);
/// As look_up_data, of a verdict map.
[[nodiscard]] Expression look_up_verdict(const std::string& map, Register from = 0);

[[nodiscard]] Expression count();
[[nodiscard]] Expression accept();
[[nodiscard]] Expression drop();
[[nodiscard]] Expression leave();  // "return"
[[nodiscard]] Expression jump(const std::string& chain);
[[nodiscard]] Expression go_to(const std::string& chain);

[[nodiscard]] Expression masquerade();
/// The destination becomes the address in register `address` and the port in register `port`.
[[nodiscard]] Expression dnat(base::Family family, Register address, Register port);
/// The packet's mark becomes what is in the register.
[[nodiscard]] Expression set_mark(Register from = 0);

}  // namespace netlink::nft
