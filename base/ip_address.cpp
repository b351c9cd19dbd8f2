#include "base/ip_address.h"

#include <algorithm>
#include <limits>

namespace base {
namespace {

constexpr std::size_t kV4Bytes = 4;
constexpr std::size_t kV6Bytes = 16;
constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::optional<unsigned> hex_digit(char c) {
  if (is_digit(c)) return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
  return std::nullopt;
}

// Takes one decimal byte off the front of `text`. A leading zero is refused: half of the world's
// programs read it as octal.
std::optional<std::uint8_t> take_decimal_byte(std::string_view& text) {
  unsigned value = 0;
  std::size_t length = 0;
  while (length < text.size() && is_digit(text[length])) {
    if (length > 0 && value == 0) return std::nullopt;
    value = value * 10 + static_cast<unsigned>(text[length] - '0');
    if (value > 255) return std::nullopt;
    ++length;
  }
  if (length == 0) return std::nullopt;
  text.remove_prefix(length);
  return static_cast<std::uint8_t>(value);
}

using V4Bytes = std::array<std::uint8_t, kV4Bytes>;
using V6Bytes = std::array<std::uint8_t, kV6Bytes>;

std::optional<V4Bytes> parse_v4(std::string_view text) {
  V4Bytes bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0) {
      if (text.empty() || text.front() != '.') return std::nullopt;
      text.remove_prefix(1);
    }
    const auto byte = take_decimal_byte(text);
    if (!byte) return std::nullopt;
    bytes[i] = *byte;
  }
  if (!text.empty()) return std::nullopt;
  return bytes;
}

// Reads the text form of RFC 4291, section 2.2, from left to right.
class V6Parser {
 public:
  explicit V6Parser(std::string_view text) : text_(text) {}

  std::optional<V6Bytes> parse() {
    if (text_.starts_with("::")) take_gap();
    // Only "::" alone and a trailing "::" may end without another field.
    while (!text_.empty()) {
      if (filled_ == kV6Bytes || !take_field()) return std::nullopt;
      if (!text_.empty() && !take_separator()) return std::nullopt;
    }
    return close_gap();
  }

 private:
  void take_gap() {
    gap_ = filled_;
    text_.remove_prefix(2);
  }

  bool take_field() {
    const std::string_view field = text_.substr(0, text_.find(':'));
    return field.find('.') == std::string_view::npos ? take_hex(field) : take_dotted();
  }

  bool take_hex(std::string_view field) {
    if (field.empty() || field.size() > 4) return false;
    unsigned value = 0;
    for (const char c : field) {
      const auto digit = hex_digit(c);
      if (!digit) return false;
      value = value * 16 + *digit;
    }
    bytes_[filled_++] = static_cast<std::uint8_t>(value >> 8U);
    bytes_[filled_++] = static_cast<std::uint8_t>(value & 0xffU);
    text_.remove_prefix(field.size());
    return true;
  }

  // A dotted part is the last four bytes, so it takes all the rest of the text.
  bool take_dotted() {
    const auto tail = parse_v4(text_);
    if (!tail || filled_ + kV4Bytes > kV6Bytes) return false;
    std::copy(tail->begin(), tail->end(), bytes_.begin() + static_cast<std::ptrdiff_t>(filled_));
    filled_ += kV4Bytes;
    text_ = {};
    return true;
  }

  bool take_separator() {
    if (text_.starts_with("::")) {
      if (gap_) return false;
      take_gap();
      return true;
    }
    text_.remove_prefix(1);
    return !text_.empty();
  }

  // Moves what follows "::" to the end; the gap stands for one field of zeros at least.
  std::optional<V6Bytes> close_gap() {
    if (filled_ == kV6Bytes) return gap_ ? std::nullopt : std::optional(bytes_);
    if (!gap_) return std::nullopt;
    const auto gap = bytes_.begin() + static_cast<std::ptrdiff_t>(*gap_);
    const auto end = bytes_.begin() + static_cast<std::ptrdiff_t>(filled_);
    std::fill(gap, std::move_backward(gap, end, bytes_.end()), std::uint8_t{0});
    return bytes_;
  }

  std::string_view text_;
  V6Bytes bytes_{};
  std::size_t filled_ = 0;
  std::optional<std::size_t> gap_;
};

std::string print_v4(std::span<const std::uint8_t> bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    if (!text.empty()) text += '.';
    text += std::to_string(byte);
  }
  return text;
}

struct Run {
  std::size_t begin = 0;
  std::size_t length = 0;
};

unsigned field_of(std::span<const std::uint8_t> bytes, std::size_t index) {
  return static_cast<unsigned>(bytes[2 * index] << 8U) | bytes[2 * index + 1];
}

// RFC 5952, section 4.2: the longest run of zero fields, the first of equals, and never a single
// one.
Run longest_zero_run(std::span<const std::uint8_t> bytes) {
  Run best;
  Run current;
  for (std::size_t i = 0; i < 8; ++i) {
    if (field_of(bytes, i) != 0) {
      current = {};
      continue;
    }
    if (current.length == 0) current.begin = i;
    ++current.length;
    if (current.length > best.length) best = current;
  }
  return best.length > 1 ? best : Run{};
}

void append_hex(std::string& text, unsigned value) {
  constexpr std::string_view kHex = "0123456789abcdef";
  bool started = false;
  for (int shift = 12; shift >= 0; shift -= 4) {
    const unsigned digit = (value >> static_cast<unsigned>(shift)) & 15U;
    started = started || digit != 0 || shift == 0;
    if (started) text += kHex[digit];
  }
}

std::string print_v6(std::span<const std::uint8_t> bytes) {
  const Run zeros = longest_zero_run(bytes);
  std::string text;
  for (std::size_t i = 0; i < 8; ++i) {
    if (zeros.length > 0 && i == zeros.begin) {
      text += "::";
      i += zeros.length - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    append_hex(text, field_of(bytes, i));
  }
  return text;
}

std::uint64_t load(std::span<const std::uint8_t> bytes) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8U | byte;
  return value;
}

void store(std::span<std::uint8_t> bytes, std::uint64_t value) {
  for (std::size_t i = bytes.size(); i-- > 0; value >>= 8U) {
    bytes[i] = static_cast<std::uint8_t>(value & 0xffU);
  }
}

}  // namespace

std::string_view family_name(Family family) {
  return family == Family::kIpv4 ? "IPv4" : "IPv6";
}

IpAddress IpAddress::from_bytes(std::span<const std::uint8_t> bytes) {
  if (bytes.size() == kV6Bytes &&
      std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin())) {
    bytes = bytes.subspan(kMappedPrefix.size());
  }
  IpAddress address;
  address.family_ = bytes.size() == kV4Bytes ? Family::kIpv4 : Family::kIpv6;
  std::copy_n(bytes.begin(), std::min(bytes.size(), kV6Bytes), address.bytes_.begin());
  return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  const std::size_t separator = text.find_first_of(".:");
  if (separator == std::string_view::npos) return std::nullopt;
  if (text[separator] == '.') {
    const auto bytes = parse_v4(text);
    return bytes ? std::optional(from_bytes(*bytes)) : std::nullopt;
  }
  const auto bytes = V6Parser(text).parse();
  return bytes ? std::optional(from_bytes(*bytes)) : std::nullopt;
}

std::string IpAddress::to_string() const {
  return is_v4() ? print_v4(bytes()) : print_v6(bytes());
}

bool IpAddress::is_unspecified() const noexcept {
  return std::all_of(bytes_.begin(), bytes_.end(), [](auto byte) { return byte == 0; });
}

bool IpAddress::is_loopback() const noexcept {
  if (is_v4()) return bytes_[0] == 127;
  return previous().is_unspecified();
}

bool IpAddress::is_multicast() const noexcept {
  return is_v4() ? (bytes_[0] & 0xf0U) == 0xe0U : bytes_[0] == 0xffU;
}

bool IpAddress::is_link_local() const noexcept {
  if (is_v4()) return bytes_[0] == 169 && bytes_[1] == 254;
  return bytes_[0] == 0xfeU && (bytes_[1] & 0xc0U) == 0x80U;
}

IpAddress IpAddress::plus(std::uint64_t distance) const noexcept {
  IpAddress sum = *this;
  if (is_v4()) {
    const auto bytes = std::span(sum.bytes_).first<kV4Bytes>();
    store(bytes, load(bytes) + distance);
    return sum;
  }
  const auto high = std::span(sum.bytes_).first<8>();
  const auto low = std::span(sum.bytes_).last<8>();
  const std::uint64_t low_sum = load(low) + distance;
  store(low, low_sum);
  if (low_sum < distance) store(high, load(high) + 1);
  return sum;
}

IpAddress IpAddress::previous() const noexcept {
  IpAddress difference = *this;
  const auto bytes = std::span(difference.bytes_).first(is_v4() ? kV4Bytes : kV6Bytes);
  // Borrows from the byte before as long as this one was zero.
  for (std::size_t i = bytes.size(); i-- > 0;) {
    if (bytes[i]-- != 0) break;
  }
  return difference;
}

IpAddress IpAddress::with_host_bits(unsigned length, bool set) const noexcept {
  IpAddress result = *this;
  for (unsigned i = 0; i < bits() / 8; ++i) {
    const unsigned network_bits = length <= 8 * i ? 0 : std::min(length - 8 * i, 8U);
    const unsigned host_mask = 0xffU >> network_bits;
    const unsigned byte = result.bytes_[i];
    result.bytes_[i] = static_cast<std::uint8_t>(set ? byte | host_mask : byte & ~host_mask);
  }
  return result;
}

std::uint64_t IpAddress::distance_to(const IpAddress& other) const noexcept {
  if (other <= *this) return 0;
  if (is_v4()) return load(other.bytes()) - load(bytes());
  const std::uint64_t low = load(bytes().last(8));
  const std::uint64_t other_low = load(other.bytes().last(8));
  const std::uint64_t borrow = other_low < low ? 1 : 0;
  const std::uint64_t high = load(other.bytes().first(8)) - load(bytes().first(8)) - borrow;
  return high == 0 ? other_low - low : std::numeric_limits<std::uint64_t>::max();
}

}  // namespace base
