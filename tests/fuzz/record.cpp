// A record as it may be found on disk after anything: it is read, and what was read is written and
// read again the same.

#include "plugin/attachment/record.h"

#include <cstdint>
#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = std::string(reinterpret_cast<const char*>(data), size) + "\n";
  const auto attachment = attachment::parse_record(text);
  if (!attachment) return 0;
  const std::string written = attachment::to_record(*attachment, text);
  const auto again = attachment::parse_record(written + "\n");
  if (!again || attachment::to_record(*again, written + "\n") != written) std::abort();
  return 0;
}
