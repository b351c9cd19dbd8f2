#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/ip_prefix.h"
#include "ipam/blocks.h"

namespace cluster {

/// What a pool is: the same on all nodes, and in every file pool.json.
struct Pool {
  std::string name;
  std::vector<base::IpPrefix> cidrs;
  unsigned block = 0;        // prefix length; never changed
  unsigned max_blocks = 0;   // of one node; 0 for as many as there are
  bool is_draining = false;  // no block of it is given any more

  [[nodiscard]] ipam::BlockSpace space() const { return {cidrs, block}; }
  friend bool operator==(const Pool&, const Pool&) = default;
};

/// Throws Failure for what is no pool, naming `where` it was read. `name` is for the form that has
/// none.
[[nodiscard]] Pool pool_of(const nlohmann::json& json, std::string_view where,
                           std::string_view name = {});
[[nodiscard]] nlohmann::json to_json(const Pool& pool);

/// Throws Failure where `text` is no block such as 10.50.0.0/26.
[[nodiscard]] base::IpPrefix block_of(std::string_view text, std::string_view where);

/// Throws Failure for what may be no part of a key of etcd's, or of an address of the API's.
void require_name(const std::string& name, std::string_view what);

}  // namespace cluster
