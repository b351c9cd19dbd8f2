#include "plugin/config/network.h"
#include "plugin/types/attach.h"
#include "plugin/types/type.h"

namespace types {
namespace {

void add_ptp(const cni::Request& request, const Settings& settings) {
  add(request, config::parse_ptp(request), settings);
}

void do_nothing(const cni::Request&, const Settings&) {}

}  // namespace

const Type kPtp = {.name = "ptp",
                   .oldest = cni::Version::k0_1_0,
                   .add = add_ptp,
                   .del = del_drop_in,
                   .check = check,
                   .gc = do_nothing,
                   .status = do_nothing};

}  // namespace types
