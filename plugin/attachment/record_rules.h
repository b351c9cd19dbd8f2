#pragma once

#include <nlohmann/json.hpp>

#include "plugin/attachment/attachment.h"
#include "plugin/cni/object.h"

// The sections of a record that tell of nftables rules. Not for other folders.
namespace attachment {

/// Of addresses or prefixes.
template <class Values>
nlohmann::json write_texts(const Values& values) {
  auto list = nlohmann::json::array();
  for (const auto& value : values) list.push_back(value.to_string());
  return list;
}

void write_rules(const Attachment& attachment, nlohmann::json& document);
void read_rules(const cni::Object& document, Attachment& attachment);

}  // namespace attachment
