// Type bridge, in the place of the reference plugin of that name.
#include "plugin/config/network.h"
#include "plugin/operations/add.h"
#include "plugin/operations/check.h"
#include "plugin/operations/del.h"
#include "plugin/operations/gc.h"
#include "plugin/operations/status.h"
#include "plugin/types/type.h"

namespace types {
namespace {

void add_bridge(const cni::Request& request, const Settings& settings) {
  operations::add(request, config::parse_bridge(request), settings);
}

void check_bridge(const cni::Request& request, const Settings& settings) {
  operations::check_drop_in(request, settings, config::parse_bridge);
}

void report_status(const cni::Request& request, const Settings& settings) {
  operations::require_ready(request, config::parse_bridge(request), settings);
}

}  // namespace

const Type kBridge = {.name = "bridge",
                      .oldest = cni::Version::k0_1_0,
                      .add = add_bridge,
                      .del = operations::del_drop_in,
                      .check = check_bridge,
                      .gc = operations::collect,
                      .status = report_status};

}  // namespace types
