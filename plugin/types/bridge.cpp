#include "plugin/config/network.h"
#include "plugin/types/attach.h"
#include "plugin/types/type.h"

namespace types {
namespace {

void add_bridge(const cni::Request& request, const Settings& settings) {
  add(request, config::parse_bridge(request), settings);
}

void do_nothing(const cni::Request&, const Settings&) {}

}  // namespace

const Type kBridge = {.name = "bridge",
                      .oldest = cni::Version::k0_1_0,
                      .add = add_bridge,
                      .del = del_drop_in,
                      .check = check,
                      .gc = do_nothing,
                      .status = do_nothing};

}  // namespace types
