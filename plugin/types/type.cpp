#include "plugin/types/type.h"

#include <algorithm>
#include <array>

namespace types {
namespace {

void add_patchcord(const cni::Request& request, const Settings& settings) {
  add(request, config::parse_patchcord(request), settings);
}

constexpr std::array<Type, 1> kTypes = {{
    {.name = "patchcord", .oldest = cni::Version::k0_1_0, .add = add_patchcord, .del = del, .check = check},
}};

}  // namespace

const Type* find_type(std::string_view called_as) {
  const std::string_view name = called_as.substr(called_as.rfind('/') + 1);
  const auto at = std::find_if(kTypes.begin(), kTypes.end(), [&](const Type& type) { return type.name == name; });
  return at == kTypes.end() ? nullptr : &*at;
}

}  // namespace types
