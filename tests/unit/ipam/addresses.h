#pragma once

#include <initializer_list>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/ip_prefix.h"
#include "ipam/range.h"

namespace test {

inline base::IpAddress ip(const std::string& text) {
  const auto address = base::IpAddress::parse(text);
  if (!address) throw std::invalid_argument(text + " is no address");
  return *address;
}

inline base::IpPrefix prefix(const std::string& text) {
  const auto parsed = base::IpPrefix::parse(text);
  if (!parsed) throw std::invalid_argument(text + " is no prefix");
  return *parsed;
}

inline std::vector<base::IpAddress> ips(std::initializer_list<const char*> texts) {
  std::vector<base::IpAddress> addresses;
  for (const char* text : texts) addresses.push_back(ip(text));
  return addresses;
}

/// A subnet with all defaults.
inline ipam::Range range(const std::string& subnet) {
  return ipam::make_range({.subnet = prefix(subnet), .start = {}, .end = {}, .gateway = {}});
}

inline ipam::Range range(const std::string& subnet, const std::string& start,
                         const std::string& end) {
  return ipam::make_range(
      {.subnet = prefix(subnet), .start = ip(start), .end = ip(end), .gateway = {}});
}

}  // namespace test
