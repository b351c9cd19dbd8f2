#pragma once

#include <map>
#include <string>
#include <vector>

#include "plugin/attachment/record_store.h"
#include "plugin/cni/request.h"

/// A network that was given another name while containers ran: their records have the former one,
/// and whatever the runtime asks for them comes with the new one (decision 107).
namespace operations {

/// Whether a record of another network may be of the request's, under a former name: the request's
/// ranges give the addresses that it has, or without addresses, its bridge is the request's.
[[nodiscard]] bool may_be_of(const cni::Request& request, const attachment::Attachment& record);

/// The attachments of the request's container and interface under former names. None where the
/// request's own name has a record of them, or a draft.
[[nodiscard]] std::vector<attachment::Key> find_under_former_names(
    const attachment::RecordStore& records, const cni::Request& request);

/// How many attachments there are of each other network whose containers may be the request's, as
/// far as the first record of each tells.
[[nodiscard]] std::map<std::string, std::size_t> count_former_names(
    const attachment::RecordStore& records, const cni::Request& request);

}  // namespace operations
