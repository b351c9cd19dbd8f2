#include "ipam/index.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <span>

#include "base/digest.h"

namespace ipam {

using base::IpAddress;

struct Index::Header {
  // "pcindex" and the version of what follows it.
  static constexpr std::uint64_t kMagic = 0x7063696e64657802U;
  std::uint64_t magic;
  DirectoryState state;
  std::uint32_t block_slots;  // a power of two, as the next
  std::uint32_t owner_slots;
  std::uint32_t blocks;  // slots in use
  std::uint32_t owners;
};

struct Index::BlockSlot {
  ProbeKey key;  // the block's first address
  std::array<std::uint64_t, 4> taken;
  [[nodiscard]] bool is_empty() const { return taken == std::array<std::uint64_t, 4>{}; }
};

struct Index::OwnerSlot {
  ProbeKey key;  // of the container's id
  ProbeKey address;
  [[nodiscard]] bool is_empty() const { return key == ProbeKey{}; }
};

namespace {

constexpr std::uint32_t kFewestOwnerSlots = 512;
constexpr std::uint32_t kFewestBlockSlots = 64;
constexpr unsigned kBlockSize = 256;  // addresses
constexpr unsigned kWordBits = 64;

// IPv4 as an IPv4-mapped IPv6 address, which IpAddress::from_bytes reads back.
ProbeKey address_key(const IpAddress& address) {
  ProbeKey key{};
  if (address.is_v4()) key[10] = key[11] = 0xff;
  const auto bytes = address.bytes();
  std::copy(bytes.begin(), bytes.end(), key.end() - static_cast<std::ptrdiff_t>(bytes.size()));
  return key;
}

ProbeKey block_key(const IpAddress& address) {
  ProbeKey key = address_key(address);
  key.back() = 0;
  return key;
}

unsigned place_in_block(const IpAddress& address) {
  return address.bytes().back();
}

ProbeKey owner_key(std::string_view container_id) {
  const auto digest = base::sha512(container_id);
  ProbeKey key{};
  std::copy_n(digest.begin(), key.size(), key.begin());
  return key;
}

std::uint64_t bit_of(unsigned place) {
  return std::uint64_t{1} << place % kWordBits;
}

// The first clear bit at or after `place`; kBlockSize where there is none.
unsigned find_clear(const std::array<std::uint64_t, 4>& taken, unsigned place) {
  while (place < kBlockSize) {
    const std::uint64_t free = ~taken[place / kWordBits] & ~(bit_of(place) - 1);
    if (free != 0) {
      return place / kWordBits * kWordBits + static_cast<unsigned>(std::countr_zero(free));
    }
    place = (place / kWordBits + 1) * kWordBits;
  }
  return kBlockSize;
}

}  // namespace

Index::Index(std::string path, MappedMemory memory)
    : path_(std::move(path)), memory_(std::move(memory)) {}

MappedMemory Index::make_memory(const std::string& path, std::uint32_t blocks,
                                std::uint32_t owners) {
  const std::size_t size = size_of(blocks, owners);
  auto file = path.empty() ? std::nullopt : MappedMemory::create_file(path, size);
  MappedMemory memory = file ? std::move(*file) : MappedMemory::allocate(size);
  const Header header{.magic = Header::kMagic,
                      .state = {},
                      .block_slots = blocks,
                      .owner_slots = owners,
                      .blocks = 0,
                      .owners = 0};
  std::memcpy(memory.data(), &header, sizeof header);
  return memory;
}

std::optional<Index> Index::open(const std::string& path, const DirectoryState& state) {
  auto memory = path.empty() ? std::nullopt : MappedMemory::open_file(path);
  if (!memory) return std::nullopt;
  Index index(path, std::move(*memory));
  if (!index.is_whole() || index.state() != state) return std::nullopt;
  return index;
}

Index Index::make(const std::string& path) {
  return {path, make_memory(path, kFewestBlockSlots, kFewestOwnerSlots)};
}

Index::Header& Index::header() const {
  return *reinterpret_cast<Header*>(memory_.data());
}

std::size_t Index::size_of(std::uint32_t blocks, std::uint32_t owners) {
  return sizeof(Header) + blocks * sizeof(BlockSlot) + owners * sizeof(OwnerSlot);
}

// Next to the header, because the kernel maps what lies around the first page that is touched: the
// table is small, and costs no page fault of its own.
ProbeTable<Index::BlockSlot> Index::blocks() const {
  auto* slots = reinterpret_cast<BlockSlot*>(memory_.data() + sizeof(Header));
  return ProbeTable<BlockSlot>({slots, header().block_slots});
}

ProbeTable<Index::OwnerSlot> Index::owners() const {
  auto* slots = reinterpret_cast<OwnerSlot*>(memory_.data() + size_of(header().block_slots, 0));
  return ProbeTable<OwnerSlot>({slots, header().owner_slots});
}

bool Index::is_whole() const {
  if (memory_.size() < sizeof(Header) || header().magic != Header::kMagic) return false;
  const Header& h = header();
  return std::has_single_bit(h.block_slots) && std::has_single_bit(h.owner_slots) &&
         memory_.size() == size_of(h.block_slots, h.owner_slots);
}

void Index::make_room() {
  // Half full at most: beyond that, walks grow long.
  const Header& old = header();
  const bool blocks_full = old.blocks >= old.block_slots / 2;
  const bool owners_full = old.owners >= old.owner_slots / 2;
  if (!blocks_full && !owners_full) return;
  Index wider(path_, make_memory(path_, old.block_slots << (blocks_full ? 1U : 0U),
                                 old.owner_slots << (owners_full ? 1U : 0U)));
  blocks().each([to = wider.blocks()](const BlockSlot& slot) mutable { (void)to.insert(slot); });
  owners().each([to = wider.owners()](const OwnerSlot& slot) mutable { (void)to.insert(slot); });
  wider.header().blocks = old.blocks;
  wider.header().owners = old.owners;
  memory_ = std::move(wider.memory_);
}

void Index::add(const IpAddress& address) {
  make_room();
  const ProbeKey key = block_key(address);
  const unsigned place = place_in_block(address);
  if (BlockSlot* block = blocks().find(key)) {
    block->taken[place / kWordBits] |= bit_of(place);
    return;
  }
  BlockSlot block{.key = key, .taken = {}};
  block.taken[place / kWordBits] = bit_of(place);
  if (blocks().insert(block)) ++header().blocks;
}

void Index::add(const IpAddress& address, std::string_view container_id) {
  add(address);
  const OwnerSlot slot{.key = owner_key(container_id), .address = address_key(address)};
  const auto is_same = [&](const OwnerSlot& other) { return other.address == slot.address; };
  if (owners().find_if(slot.key, is_same) != nullptr) return;
  if (owners().insert(slot)) ++header().owners;
}

void Index::remove(const IpAddress& address, std::string_view container_id) {
  const ProbeKey wanted = address_key(address);
  OwnerSlot* owner = owners().find_if(
      owner_key(container_id), [&](const OwnerSlot& slot) { return slot.address == wanted; });
  if (owner != nullptr) {
    owners().erase(*owner);
    --header().owners;
  }
  BlockSlot* block = blocks().find(block_key(address));
  if (block == nullptr) return;
  const unsigned place = place_in_block(address);
  block->taken[place / kWordBits] &= ~bit_of(place);
  if (!block->is_empty()) return;
  blocks().erase(*block);
  --header().blocks;
}

std::vector<IpAddress> Index::addresses_of(std::string_view container_id) const {
  std::vector<IpAddress> addresses;
  (void)owners().find_if(owner_key(container_id), [&](const OwnerSlot& slot) {
    addresses.push_back(IpAddress::from_bytes(slot.address));
    return false;
  });
  std::sort(addresses.begin(), addresses.end());
  return addresses;
}

std::optional<IpAddress> Index::next_free(const IpAddress& from, const IpAddress& last) const {
  IpAddress address = from;
  while (address <= last) {
    const BlockSlot* block = blocks().find(block_key(address));
    if (block == nullptr) return address;
    const unsigned place = place_in_block(address);
    const unsigned free = find_clear(block->taken, place);
    const IpAddress next = address.plus(free - place);
    if (free < kBlockSize) return next <= last ? std::optional(next) : std::nullopt;
    if (next <= address) break;  // around the end of the family
    address = next;
  }
  return std::nullopt;
}

const DirectoryState& Index::state() const {
  return header().state;
}

void Index::set_state(const DirectoryState& state) {
  header().state = state;
}

}  // namespace ipam
