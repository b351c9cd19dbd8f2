#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace ipam {

/// What a slot of a ProbeTable is found by: a digest, or an address.
using ProbeKey = std::array<std::uint8_t, 16>;

/// A hash table with linear probing over memory of somebody else's, such as a mapped file. Several
/// slots may have one key. `Slot` has a `key` and an `is_empty()`; a slot of zero bytes is empty.
///
/// The memory may hold anything: every walk ends after one round, whatever it finds.
template <typename Slot>
class ProbeTable {
 public:
  /// `slots` has a power of two as its size.
  explicit ProbeTable(std::span<Slot> slots) : slots_(slots) {}

  /// Calls `visit` with each slot of `key` until it returns true; gives that slot, or nullptr.
  template <typename Visit>
  [[nodiscard]] Slot* find_if(const ProbeKey& key, Visit visit) const {
    std::size_t place = home_of(key);
    for (std::size_t step = 0; step < slots_.size(); ++step, place = after(place)) {
      Slot& slot = slots_[place];
      if (slot.is_empty()) return nullptr;
      if (slot.key == key && visit(slot)) return &slot;
    }
    return nullptr;
  }

  [[nodiscard]] Slot* find(const ProbeKey& key) const {
    return find_if(key, [](const Slot&) { return true; });
  }

  template <typename Visit>
  void each(Visit visit) const {
    for (const Slot& slot : slots_) {
      if (!slot.is_empty()) visit(slot);
    }
  }

  /// False where the table is full.
  bool insert(const Slot& slot) {
    std::size_t place = home_of(slot.key);
    for (std::size_t step = 0; step < slots_.size(); ++step, place = after(place)) {
      if (!slots_[place].is_empty()) continue;
      slots_[place] = slot;
      return true;
    }
    return false;
  }

  /// Empties a slot of this table, and closes the gap for the walks that would end there.
  void erase(Slot& slot) {
    auto gap = static_cast<std::size_t>(&slot - slots_.data());
    std::size_t place = after(gap);
    for (std::size_t step = 1; step < slots_.size(); ++step, place = after(place)) {
      if (slots_[place].is_empty()) break;
      // A slot may move to the gap unless its walk begins behind the gap.
      if (distance(home_of(slots_[place].key), place) < distance(gap, place)) continue;
      slots_[gap] = slots_[place];
      gap = place;
    }
    slots_[gap] = Slot{};
  }

 private:
  [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }
  [[nodiscard]] std::size_t after(std::size_t place) const { return (place + 1) & mask(); }
  [[nodiscard]] std::size_t distance(std::size_t from, std::size_t to) const {
    return (to - from) & mask();
  }

  [[nodiscard]] std::size_t home_of(const ProbeKey& key) const {
    std::uint64_t halves[2];
    std::memcpy(halves, key.data(), sizeof halves);
    // Addresses that follow each other differ in few bits of the second half: multiply to spread
    // them, and take the upper bits, where the product depends on all.
    std::uint64_t mixed = (halves[0] * 0x9e3779b97f4a7c15U) ^ halves[1];
    mixed ^= mixed >> 32U;
    mixed *= 0xd6e8feb86659fd93U;
    return static_cast<std::size_t>(mixed >> 32U) & mask();
  }

  std::span<Slot> slots_;
};

}  // namespace ipam
