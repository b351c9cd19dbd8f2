#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace ipam {

/// A range or a request that can never be served: the configuration is wrong.
class InvalidRange : public std::invalid_argument {
 public:
  explicit InvalidRange(const std::string& what, std::string place = {})
      : std::invalid_argument(what), place_(std::move(place)) {}
  /// RangeSpec::place of the one that is wrong by itself; empty where it is not one alone.
  [[nodiscard]] const std::string& place() const noexcept { return place_; }

 private:
  std::string place_;
};

/// No address is free; the message names the ranges and how many addresses they have.
class Exhausted : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The addresses asked for cannot be had: taken (the message names the owner), a gateway, or in
/// none of the ranges; or the owner has an address of the set already.
class Conflict : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace ipam
