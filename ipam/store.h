#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "ipam/range.h"

namespace ipam {

/// Who holds an address: one interface of one container.
struct Owner {
  std::string container_id;
  std::string interface;
  std::string network{};  // where several have their reservations in one place
  // clang-tidy 14 takes the 0 in what "= default" makes for a null pointer.
  // NOLINTNEXTLINE(modernize-use-nullptr)
  friend auto operator<=>(const Owner&, const Owner&) = default;
};

/// The reservations of one network. An instance holds the network's lock from construction to
/// destruction, so keep it short: the reference plugin waits for the same lock, without a limit.
class Store {
 public:
  virtual ~Store() = default;

  /// False where the address is reserved, by whomever.
  [[nodiscard]] virtual bool reserve(const base::IpAddress& address, const Owner& owner) = 0;
  /// Releases the address if this owner holds it; false otherwise.
  virtual bool release(const base::IpAddress& address, const Owner& owner) = 0;
  /// Every address the owner holds, in ascending order; an address recorded in the old form, for a
  /// container id without an interface, counts where the owner has none in the present form.
  [[nodiscard]] virtual std::vector<base::IpAddress> held_by(const Owner& owner) = 0;
  /// Everybody who holds an address, each once, in ascending order; without an interface where the
  /// reservation is in the old form. What has no owner at all is left out. Reads every reservation.
  [[nodiscard]] virtual std::vector<Owner> owners() = 0;
  /// Absent where the address is free.
  [[nodiscard]] virtual std::optional<Owner> holder_of(const base::IpAddress& address) = 0;
  /// The first free address of range at or after `from`, which lies in it; absent where none is
  /// left up to the range's end. Costs the same however many are taken.
  [[nodiscard]] virtual std::optional<base::IpAddress> next_free(const Range& range,
                                                                 const base::IpAddress& from) = 0;
  /// Notices changes that somebody made without the lock, by reading every reservation, and gives
  /// up what has no owner, where that is allowed. To be asked before a range is called exhausted.
  /// False where that was done in this operation already.
  [[nodiscard]] virtual bool look_again() = 0;
  /// Where the last allocation from set number `set` was made: the round robin goes on behind it.
  [[nodiscard]] virtual std::optional<base::IpAddress> last_reserved(std::size_t set) = 0;
  /// Absent forgets it.
  virtual void set_last_reserved(std::size_t set,
                                 const std::optional<base::IpAddress>& address) = 0;
};

}  // namespace ipam
