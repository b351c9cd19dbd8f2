#pragma once

#include <string>
#include <string_view>

#include "plugin/cni/result.h"

namespace lease {

/// The lines nameserver, domain, search and options of resolv.conf(5); comments begin with '#' or
/// ';'. As in the resolver, the last `domain` and the last `search` count, and lists of options add
/// up.
[[nodiscard]] cni::Dns parse_resolv_conf(std::string_view text);

}  // namespace lease
