#pragma once

#include <nlohmann/json.hpp>

// How lists are written into records. Not for other folders.
namespace attachment {

/// Of addresses or prefixes.
template <class Values>
[[nodiscard]] nlohmann::json write_texts(const Values& values) {
  auto list = nlohmann::json::array();
  for (const auto& value : values) list.push_back(value.to_string());
  return list;
}

}  // namespace attachment
