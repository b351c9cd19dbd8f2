#pragma once

// How this folder uses libnl: to make messages and to take them apart. Sending and receiving is our
// own (socket.cpp), because libnl narrows the kernel's errno. Not for other folders.
//
// Our netlink/socket.h hides the <netlink/socket.h> that libnl's own headers include; none of what
// is included here needs its declarations.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <linux/netlink.h>
#include <netlink/addr.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "base/ip_prefix.h"
#include "base/mac_address.h"
#include "netlink/socket.h"

namespace netlink::libnl {

template <auto release>
struct Deleter {
  template <class T>
  void operator()(T* object) const noexcept {
    release(object);
  }
};

using Address = std::unique_ptr<nl_addr, Deleter<nl_addr_put>>;

/// Passes a new object on; throws std::bad_alloc for the null pointer of a failed allocation.
template <class T>
[[nodiscard]] T* made(T* object) {
  if (object == nullptr) throw std::bad_alloc();
  return object;
}

/// Throws std::length_error, with libnl's text, for the negative result of a libnl call that
/// builds: the message has no room left, which only an input of absurd length can bring about.
void check(int result);

[[nodiscard]] int address_family(base::Family family) noexcept;
[[nodiscard]] Address make_address(const base::IpAddress& address);
[[nodiscard]] Address make_address(const base::IpPrefix& prefix);
[[nodiscard]] Address make_address(const base::MacAddress& mac);

/// The request that one of libnl's rtnl_..._build_..._request functions makes.
template <class Build, class Object>
[[nodiscard]] Message build_request(Build build, Object* object, int flags) {
  nl_msg* message = nullptr;
  check(build(object, flags, &message));
  return Message(message);
}

template <class Header>
void append(nl_msg* message, Header header) {
  check(nlmsg_append(message, &header, sizeof header, NLMSG_ALIGNTO));
}

/// A message with its family's header and no attributes.
template <class Header>
[[nodiscard]] Message make_message(int type, int flags, const Header& header) {
  Message message(made(nlmsg_alloc_simple(type, flags)));
  append(message.get(), header);
  return message;
}

void put(nl_msg* message, int type, std::uint8_t value);
void put(nl_msg* message, int type, std::uint32_t value);
/// As the kernel's NLA_STRING wants it, with a trailing NUL.
void put(nl_msg* message, int type, std::string_view text);
void put(nl_msg* message, int type, std::span<const std::uint8_t> bytes);

/// An attribute that holds those which are put while this object lives.
class Nest {
 public:
  Nest(nl_msg* message, int type)
      : message_(message), start_(made(nla_nest_start(message, type))) {}
  Nest(const Nest&) = delete;
  Nest& operator=(const Nest&) = delete;
  ~Nest() { nla_nest_end(message_, start_); }

 private:
  nl_msg* message_;
  nlattr* start_;
};

/// The attributes 0...`max` of a message or of a nest, by type. Those beyond are of a newer kernel.
template <int max>
class Attributes {
 public:
  Attributes() = default;
  Attributes(const nlmsghdr* message, std::size_t header_size) {
    const auto size = static_cast<int>(header_size);
    parse(nlmsg_attrdata(message, size), nlmsg_attrlen(message, size));
  }
  Attributes(nlattr* first, int size) { parse(first, size); }
  /// None for a null pointer.
  explicit Attributes(const nlattr* nest) {
    if (nest != nullptr) parse(static_cast<nlattr*>(nla_data(nest)), nla_len(nest));
  }

  [[nodiscard]] const nlattr* operator[](int type) const {
    return table_[static_cast<std::size_t>(type)];
  }

  /// Absent where the attribute is, or is too short for a T.
  template <class T>
  [[nodiscard]] std::optional<T> number(int type) const {
    const auto data = bytes(type);
    if (data.size() < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, data.data(), sizeof value);
    return value;
  }

  /// Empty where the attribute is absent.
  [[nodiscard]] std::string_view text(int type) const {
    const auto data = bytes(type);
    if (data.empty()) return {};
    const auto* begin = reinterpret_cast<const char*>(data.data());
    return {begin, strnlen(begin, data.size())};
  }

  /// Empty where the attribute is absent.
  [[nodiscard]] std::span<const std::uint8_t> bytes(int type) const {
    const nlattr* attribute = (*this)[type];
    if (attribute == nullptr) return {};
    return {static_cast<const std::uint8_t*>(nla_data(attribute)),
            static_cast<std::size_t>(nla_len(attribute))};
  }

 private:
  void parse(nlattr* first, int size) {
    (void)nla_parse(table_.data(), max, first, size, nullptr);  // fails for a policy only
  }

  std::array<nlattr*, max + 1> table_{};
};

/// Absent unless the attribute holds exactly an IPv4 or an IPv6 address.
[[nodiscard]] std::optional<base::IpAddress> read_ip_address(std::span<const std::uint8_t> bytes);

}  // namespace netlink::libnl
