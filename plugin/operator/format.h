#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugin/operator/json.h"
#include "plugin/operator/survey.h"

namespace tool {

/// "47s", "12m", "3h", "5d"; "-" where it is not known.
[[nodiscard]] std::string age_of(const std::optional<std::chrono::system_clock::time_point>& since);
/// Of so many bytes a second: "1.2k", "34M", as bits a second.
[[nodiscard]] std::string bits_text(std::uint64_t bytes_per_second);
/// The texts, one after the other.
[[nodiscard]] std::string join(const std::vector<std::string>& texts, std::string_view between);
/// RFC 3339, in UTC.
[[nodiscard]] std::string time_text(std::chrono::system_clock::time_point time);

/// The members that describe an attachment wherever it is shown.
void write_summary(const Sighting& sighting, Json& json);

}  // namespace tool
