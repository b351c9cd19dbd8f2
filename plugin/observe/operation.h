#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "plugin/attachment/attachment.h"
#include "plugin/cni/request.h"

/// What people want to know of operations afterwards: a log, and numbers for a monitoring system.
/// Both are off unless the configuration or the environment asks for them.
namespace observe {

/// One operation, when it is over.
struct Operation {
  std::string command;
  std::string type;
  std::string network;
  std::string container_id;
  std::string ifname;
  unsigned code = 0;  // of the error; 0: it succeeded
  std::string message;
  std::vector<std::string> notes{};  // what it said besides
  std::uint64_t microseconds = 0;
  std::vector<attachment::Timing> timings;
};

struct Destinations {
  std::string log;      // a file's path, or "syslog"; empty for none
  std::string metrics;  // a file's path; empty for none
  [[nodiscard]] bool any() const noexcept { return !log.empty() || !metrics.empty(); }
};

/// PATCHCORD_LOG and PATCHCORD_METRICS, else the keys `log` and `metrics` of the configuration.
/// `request` may be null. Never throws for a key of the wrong type: what cannot be observed must
/// not fail an operation.
[[nodiscard]] Destinations destinations_of(const cni::Environment& environment,
                                           const cni::Request* request);

/// Tells both destinations. A failure goes to `report` and no further.
void tell(const Operation& operation, const Destinations& destinations,
          const std::string& state_directory,
          const std::function<void(const std::string&)>& report) noexcept;

/// One line of JSON for the log.
[[nodiscard]] std::string to_log_line(const Operation& operation, std::int64_t unix_microseconds);

/// The metrics file with this operation counted in. `before` is what the file has; what cannot be
/// understood of it is dropped.
[[nodiscard]] std::string count_in(const Operation& operation, std::string_view before);

}  // namespace observe
