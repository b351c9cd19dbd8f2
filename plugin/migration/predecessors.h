#pragma once

#include "plugin/operations/shared/predecessor.h"

/// The reference plugins, whose names ours are: what their ADD made, our CHECK, DEL and GC know.
namespace migration {

extern const operations::Predecessor kInterfaces;  // bridge and ptp
extern const operations::Predecessor kPortmap;
extern const operations::Predecessor kFirewall;
extern const operations::Predecessor kTuning;
extern const operations::Predecessor kBandwidth;

}  // namespace migration
