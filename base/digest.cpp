#include "base/digest.h"

#include <algorithm>

#include <nettle/sha2.h>

namespace base {

std::array<std::uint8_t, 64> sha512(std::string_view text) {
  static_assert(SHA512_DIGEST_SIZE == 64);
  sha512_ctx context;
  sha512_init(&context);
  sha512_update(&context, text.size(), reinterpret_cast<const std::uint8_t*>(text.data()));
  std::array<std::uint8_t, 64> digest{};
  sha512_digest(&context, digest.size(), digest.data());
  return digest;
}

std::string sha512_hex(std::string_view text, std::size_t digits) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto digest = sha512(text);
  digits = std::min(digits, digest.size() * 2);
  std::string hex;
  hex.reserve(digits);
  for (std::size_t i = 0; i < digits; ++i) {
    const unsigned byte = digest[i / 2];
    hex += kHex[i % 2 == 0 ? byte >> 4U : byte & 15U];
  }
  return hex;
}

}  // namespace base
