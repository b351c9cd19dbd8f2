#pragma once

#include <array>
#include <string>

#include "plugin/attachment/attachment.h"
#include "plugin/operator/command.h"
#include "plugin/operator/json.h"

/// What reconcile and gc have in common, which go through the records of all kinds.
namespace tool {

inline constexpr Option kOnlyNetworkOption = {.name = "network",
                                              .letter = 'n',
                                              .value = "NAME",
                                              .meaning = "only this network's attachments"};
inline constexpr Option kDryRunOption = {.name = "dry-run",
                                         .meaning = "change nothing; say what would be"};
inline constexpr Option kTableOrJsonOption = {.name = "output",
                                              .letter = 'o',
                                              .value = "FORMAT",
                                              .choices = "table|json",
                                              .meaning = "how to show it; table unless given"};
inline constexpr std::array kMendingOptions = {kOnlyNetworkOption, kDryRunOption,
                                               kTableOrJsonOption};

void write_key(const attachment::Key& key, Json& json);

/// Whether the records are of a type that works on another plugin's interface.
[[nodiscard]] bool is_chained(const std::string& kind);

/// Behind the name of an attachment: which type in its chain it is about.
[[nodiscard]] std::string describe_kind(const std::string& kind);

}  // namespace tool
