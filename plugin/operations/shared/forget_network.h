#pragma once

#include <string>

#include "plugin/attachment/record_store.h"
#include "plugin/operations/settings.h"
#include "plugin/operations/shared/stage.h"

/// What rules there are of a network as such goes with the last attachment that is recorded of it.
/// To be called when a record or draft is gone: of several operations that come to their end at
/// once, the last one finds none then. What cannot be removed is reported: it does no harm.
namespace operations {

void forget_network(const attachment::RecordStore& records, const std::string& network,
                    const Settings& settings);

/// The same at the end of an operation on one attachment: if that has not spoken to netfilter,
/// there is nothing of its network's either.
void forget_network(Stage& stage, const std::string& network, const Settings& settings);

}  // namespace operations
