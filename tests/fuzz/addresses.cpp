// Text forms: what parses prints, and what is printed parses to the same.

#include <cstdint>
#include <string_view>

#include "base/ip_prefix.h"
#include "base/mac_address.h"
#include "plugin/lease/resolv_conf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto address = base::IpAddress::parse(text)) {
    if (base::IpAddress::parse(address->to_string()) != address) __builtin_trap();
  }
  if (const auto prefix = base::IpPrefix::parse(text)) {
    if (base::IpPrefix::parse(prefix->to_string()) != prefix || !prefix->contains(prefix->last()))
      __builtin_trap();
  }
  if (const auto mac = base::MacAddress::parse(text)) {
    if (base::MacAddress::parse(mac->to_string()) != mac) __builtin_trap();
  }
  (void)lease::parse_resolv_conf(text);
  return 0;
}
