#pragma once

#include <nlohmann/json_fwd.hpp>

#include "plugin/attachment/attachment.h"
#include "plugin/cni/object.h"

// The sections of a record that tell of nftables rules. Not for other folders.
namespace attachment {

void write_rules(const Attachment& attachment, nlohmann::json& document);
void read_rules(const cni::Object& document, Attachment& attachment);

}  // namespace attachment
