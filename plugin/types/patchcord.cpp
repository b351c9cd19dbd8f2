// Type patchcord, our own: both modes with everything in one process.
#include "plugin/config/network.h"
#include "plugin/operations/add.h"
#include "plugin/operations/check.h"
#include "plugin/operations/del.h"
#include "plugin/operations/gc.h"
#include "plugin/operations/status.h"
#include "plugin/types/type.h"

namespace types {
namespace {

void add_patchcord(const cni::Request& request, const Settings& settings) {
  operations::add(request, config::parse_patchcord(request), settings);
}

void report_status(const cni::Request& request, const Settings& settings) {
  operations::require_ready(request, config::parse_patchcord(request), settings);
}

}  // namespace

const Type kPatchcord = {.name = "patchcord",
                         .oldest = cni::Version::k0_1_0,
                         .add = add_patchcord,
                         .del = operations::del,
                         .check = operations::check,
                         .gc = operations::collect,
                         .status = report_status};

}  // namespace types
