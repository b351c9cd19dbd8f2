// A reservation's file: the first line of the input is its name, the rest what is in it. An owner
// that could be a runtime's is written as it was read.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/ip_address.h"
#include "ipam/reservation_files.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto line = std::min(text.find('\n'), text.size());
  if (const auto address = base::IpAddress::parse(text.substr(0, line))) {
    if (base::IpAddress::parse(address->to_string()) != address) std::abort();
  }
  const auto owner = ipam::parse_reservation(text.substr(std::min(line + 1, text.size())));
  if (!ipam::is_owner(owner)) return 0;
  const auto again = ipam::parse_reservation(ipam::reservation_text(owner));
  if (again != owner) std::abort();
  return 0;
}
