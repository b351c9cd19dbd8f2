#pragma once

#include <string>
#include <vector>

#include "plugin/config/network_list.h"
#include "plugin/operator/command.h"

/// What is right by itself, and probably not what its author meant.
namespace tool {

/// What an ADD would say of a plugin of ours, and keys of it that nobody reads. Throws what an ADD
/// would fail with. Of others' types nothing is known.
[[nodiscard]] std::vector<std::string> advice_on(const config::NetworkList& list,
                                                 const config::ListedPlugin& plugin);

/// Of that the keys alone, and nothing where an ADD would fail: that says why.
[[nodiscard]] std::vector<std::string> unread_keys_of(const config::NetworkList& list,
                                                      const config::ListedPlugin& plugin);

/// Keys of the list itself, and subnets of it that another network of the directory gives as well.
[[nodiscard]] std::vector<std::string> advice_on(const Call& call, const config::NetworkList& list);

}  // namespace tool
