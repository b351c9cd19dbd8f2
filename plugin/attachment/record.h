#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugin/attachment/attachment.h"

namespace attachment {

/// Bytes. ADD writes no longer line, and every reader takes one twice as long.
inline constexpr std::size_t kLongestLine = std::size_t{32} << 20U;

/// One line of JSON, without the newline. `earlier` is an older form of the same record: members of
/// it that this version does not know are kept.
[[nodiscard]] std::string to_record(const Attachment& attachment, std::string_view earlier = {});

/// The line with what its ADD knows at its end as further members: the wire, unless there is none
/// to add, and the times that it took.
[[nodiscard]] std::string with_ending(std::string line, const Wire& wire,
                                      const std::vector<Timing>& timings);

/// Reads the last complete line. Members that are unknown are passed over, missing ones have their
/// defaults, so that records of the next and of the previous version can be read. Absent where
/// there is no line that can be read.
[[nodiscard]] std::optional<Attachment> parse_record(std::string_view text);

}  // namespace attachment
