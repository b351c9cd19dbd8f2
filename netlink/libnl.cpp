#include "netlink/libnl.h"

#include <stdexcept>

#include <netlink/errno.h>
#include <sys/socket.h>

namespace netlink {

void MessageDeleter::operator()(nl_msg* message) const noexcept {
  nlmsg_free(message);
}

}  // namespace netlink

namespace netlink::libnl {
namespace {

Address make_address(int family, std::span<const std::uint8_t> bytes) {
  return Address(made(nl_addr_build(family, bytes.data(), bytes.size())));
}

}  // namespace

void check(int result) {
  if (result == -NLE_NOMEM || result == -NLE_MSGSIZE) {
    throw std::length_error("netlink request is too long");
  }
  if (result < 0) throw std::logic_error(std::string("netlink request: ") + nl_geterror(result));
}

int address_family(base::Family family) noexcept {
  return family == base::Family::kIpv4 ? AF_INET : AF_INET6;
}

Address make_address(const base::IpAddress& address) {
  return make_address(address_family(address.family()), address.bytes());
}

Address make_address(const base::IpPrefix& prefix) {
  Address address = make_address(prefix.address());
  nl_addr_set_prefixlen(address.get(), static_cast<int>(prefix.length()));
  return address;
}

Address make_address(const base::MacAddress& mac) {
  return make_address(AF_LLC, mac.bytes());
}

void put(nl_msg* message, int type, std::uint8_t value) {
  check(nla_put_u8(message, type, value));
}

void put(nl_msg* message, int type, std::uint32_t value) {
  check(nla_put_u32(message, type, value));
}

void put(nl_msg* message, int type, std::string_view text) {
  check(nla_put_string(message, type, std::string(text).c_str()));
}

void put(nl_msg* message, int type, std::span<const std::uint8_t> bytes) {
  check(nla_put(message, type, static_cast<int>(bytes.size()), bytes.data()));
}

std::optional<base::IpAddress> read_ip_address(std::span<const std::uint8_t> bytes) {
  if (bytes.size() != 4 && bytes.size() != 16) return std::nullopt;
  return base::IpAddress::from_bytes(bytes);
}

}  // namespace netlink::libnl
