#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plugin/config/pool.h"
#include "plugin/lease/upkeep.h"
#include "plugin/operator/command.h"

/// The pools of this node, as the tool shows and changes them.
namespace tool {

struct PoolView {
  ipam::PoolPlace place;
  std::optional<config::Pool> definition;
  std::vector<ipam::Block> blocks;
  std::vector<base::IpAddress> reserved;
  std::string problem;  // why the rest is not known

  /// Of blocks that addresses are given of.
  [[nodiscard]] std::uint64_t size() const;
  [[nodiscard]] std::uint64_t used() const;
  /// Reserved, but in no block that this node has.
  [[nodiscard]] std::vector<base::IpAddress> strays() const;
};

[[nodiscard]] std::vector<PoolView> view_pools(const cni::Environment& environment);
/// "drain", "lost", or "" for what addresses are given of.
[[nodiscard]] std::string_view to_string(ipam::BlockUse use);

/// The pool that a word names. Throws Misuse.
[[nodiscard]] ipam::PoolPlace require_pool(const Call& call, const std::string& name);
/// Throws Misuse for what is no prefix without host bits.
[[nodiscard]] base::IpPrefix require_prefix(const std::string& text);
[[nodiscard]] bool is_by_hand(const Call& call);

/// Tells the console of what is done; whatever cannot be done leaves `is_fine` false.
class Reporter {
 public:
  explicit Reporter(const Call& call) : call_(call) {}
  [[nodiscard]] lease::Upkeep upkeep();
  [[nodiscard]] int status() const { return is_fine_ ? kFine : kNotFine; }

 private:
  const Call& call_;
  bool is_fine_ = true;
};

}  // namespace tool
