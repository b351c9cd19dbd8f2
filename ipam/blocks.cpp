#include "ipam/blocks.h"

#include <algorithm>
#include <limits>

#include "ipam/error.h"

namespace ipam {
namespace {

using base::IpPrefix;

constexpr unsigned kMostBits = 64;  // of a number
constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
constexpr std::string_view kBlanks = " \t\r";
constexpr std::string_view kDraining = "drain";
constexpr std::string_view kLost = "lost";

IpPrefix require_network(const IpPrefix& prefix, std::string_view what) {
  if (!prefix.has_host_bits()) return prefix;
  throw InvalidRange(std::string(what) + " " + prefix.to_string() +
                     " has host bits set; the network is " + prefix.network().to_string());
}

void refuse_two_families(const IpPrefix& one, const IpPrefix& other) {
  if (one.family() == other.family()) return;
  throw InvalidRange(one.to_string() + " and " + other.to_string() +
                     " are of different families; give each family its own pool");
}

// In the order of addresses only neighbours have to be compared.
void refuse_overlaps(std::vector<IpPrefix> prefixes) {
  std::sort(prefixes.begin(), prefixes.end());
  const auto at = std::adjacent_find(prefixes.begin(), prefixes.end(),
                                     [](const auto& a, const auto& b) { return a.overlaps(b); });
  if (at == prefixes.end()) return;
  throw InvalidRange(at[0].to_string() + " and " + at[1].to_string() + " overlap");
}

std::string_view trim(std::string_view line) {
  line = line.substr(0, line.find('#'));
  const auto begin = line.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(kBlanks) - begin + 1);
}

BlockUse parse_use(std::string_view word) {
  if (word.empty()) return BlockUse::kGiven;
  if (word == kDraining) return BlockUse::kDraining;
  if (word == kLost) return BlockUse::kLost;
  throw InvalidRange("\"" + std::string(word) + "\" behind a block is neither drain nor lost");
}

Block parse_block(std::string_view line) {
  const auto end = std::min(line.find_first_of(kBlanks), line.size());
  const auto prefix = IpPrefix::parse(line.substr(0, end));
  if (!prefix) {
    throw InvalidRange("\"" + std::string(line.substr(0, end)) +
                       "\" is no block such as 10.50.0.0/26");
  }
  return {require_network(*prefix, "block"), parse_use(trim(line.substr(end)))};
}

std::vector<Block> parse_lines(std::string_view text, std::size_t& line) {
  std::vector<Block> blocks;
  for (std::size_t begin = 0; begin < text.size();) {
    ++line;
    const auto end = std::min(text.find('\n', begin), text.size());
    const auto content = trim(text.substr(begin, end - begin));
    begin = end + 1;
    if (content.empty()) continue;
    blocks.push_back(parse_block(content));
    refuse_two_families(blocks.front().prefix, blocks.back().prefix);
  }
  return blocks;
}

// A step of so many addresses may be wider than a number, which it is shifted by then.
base::IpAddress step(const base::IpAddress& from, std::uint64_t count, unsigned host_bits) {
  if (host_bits < kMostBits) return from.plus(count << host_bits);
  auto bytes = std::vector<std::uint8_t>(from.bytes().begin(), from.bytes().end());
  std::uint64_t carry = count << (host_bits - kMostBits);
  for (std::size_t i = 8; i-- > 0; carry >>= 8U) {
    carry += bytes[i];
    bytes[i] = static_cast<std::uint8_t>(carry);
  }
  return base::IpAddress::from_bytes(bytes);
}

// How many such blocks of the CIDR lie before this one; saturates.
std::uint64_t steps_between(const IpPrefix& cidr, const IpPrefix& block) {
  std::uint64_t number = 0;
  for (unsigned bit = cidr.length(); bit < block.length(); ++bit) {
    if (number >> (kMostBits - 1) != 0) return kMost;
    const unsigned byte = block.address().bytes()[bit / 8];
    number = number << 1U | (byte >> (7 - bit % 8) & 1U);
  }
  return number;
}

std::uint64_t add(std::uint64_t a, std::uint64_t b) {
  return a > kMost - b ? kMost : a + b;
}

}  // namespace

BlockSpace::BlockSpace(std::vector<IpPrefix> cidrs, unsigned length)
    : cidrs_(std::move(cidrs)), length_(length) {
  if (cidrs_.empty()) throw InvalidRange("a pool without a CIDR");
  for (const auto& cidr : cidrs_) {
    (void)require_network(cidr, "CIDR");
    refuse_two_families(cidrs_.front(), cidr);
    if (length > cidr.address().bits() || length < cidr.length()) {
      throw InvalidRange("blocks of /" + std::to_string(length) + " do not fit into " +
                         cidr.to_string());
    }
  }
  refuse_overlaps(cidrs_);
}

std::uint64_t BlockSpace::count_in(const IpPrefix& cidr) const noexcept {
  const unsigned bits = length_ - cidr.length();
  return bits >= kMostBits ? kMost : std::uint64_t{1} << bits;
}

std::uint64_t BlockSpace::count() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& cidr : cidrs_) sum = add(sum, count_in(cidr));
  return sum;
}

IpPrefix BlockSpace::at(std::uint64_t number) const {
  for (const auto& cidr : cidrs_) {
    const auto count = count_in(cidr);
    if (number < count)
      return {step(cidr.address(), number, cidr.address().bits() - length_), length_};
    number -= count;
  }
  throw InvalidRange("the pool has no such block");
}

std::optional<std::uint64_t> BlockSpace::number_of(const IpPrefix& block) const {
  if (block.length() != length_ || block.has_host_bits()) return std::nullopt;
  std::uint64_t before = 0;
  for (const auto& cidr : cidrs_) {
    if (cidr.contains(block.address())) return add(before, steps_between(cidr, block));
    before = add(before, count_in(cidr));
  }
  return std::nullopt;
}

std::optional<IpPrefix> BlockSpace::first_but(const std::vector<IpPrefix>& taken) const {
  for (std::uint64_t number = 0; number < count();) {
    const IpPrefix block = at(number);
    const auto other = std::find_if(taken.begin(), taken.end(),
                                    [&](const auto& each) { return each.overlaps(block); });
    if (other == taken.end()) return block;
    // One that is larger, from a time when the file was somebody else's, is passed as a whole.
    const unsigned bits = other->length() < length_ ? length_ - other->length() : 0;
    if (bits >= kMostBits) return std::nullopt;
    number = ((number >> bits) + 1) << bits;
  }
  return std::nullopt;
}

std::vector<Block> parse_blocks(std::string_view text, std::string_view path) {
  std::vector<Block> blocks;
  std::size_t line = 0;
  try {
    blocks = parse_lines(text, line);
  } catch (const InvalidRange& error) {
    throw InvalidRange(std::string(path) + ":" + std::to_string(line) + ": " + error.what());
  }
  try {
    refuse_overlaps(prefixes_of(blocks));
  } catch (const InvalidRange& error) {
    throw InvalidRange(std::string(path) + ": " + error.what());
  }
  return blocks;
}

std::string print_blocks(const std::vector<Block>& blocks) {
  std::string text;
  for (const auto& block : blocks) {
    text += block.prefix.to_string();
    if (block.use == BlockUse::kDraining) text.append(" ").append(kDraining);
    if (block.use == BlockUse::kLost) text.append(" ").append(kLost);
    text += "\n";
  }
  return text;
}

std::vector<IpPrefix> prefixes_of(const std::vector<Block>& blocks) {
  std::vector<IpPrefix> prefixes;
  prefixes.reserve(blocks.size());
  for (const auto& block : blocks) prefixes.push_back(block.prefix);
  return prefixes;
}

}  // namespace ipam
