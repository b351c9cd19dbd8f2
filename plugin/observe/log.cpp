// A line of JSON for each operation, into a file or to syslog (operation.h).
#include <cerrno>
#include <chrono>
#include <cstring>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "plugin/cni/error.h"
#include "plugin/cni/text.h"
#include "plugin/observe/metrics.h"
#include "plugin/observe/operation.h"
#include "plugin/observe/own_file.h"

namespace observe {
namespace {

constexpr std::string_view kSyslog = "syslog";
constexpr mode_t kLogMode = 0640;
constexpr std::string_view kFirstBytes = "{\"time\":";  // of each line

std::string destination(const cni::Environment& environment, std::string_view variable,
                        const cni::Request* request, std::string_view key) {
  std::string value = environment.get(variable);
  if (!value.empty() || request == nullptr) return value;
  try {
    return request->config().text(key).value_or("");
  } catch (const cni::Error&) {
    return "";
  }
}

std::string member(std::string_view name, std::string_view value) {
  return ",\"" + std::string(name) + "\":" + cni::quote_json(value);
}

// The line goes out in one piece, so that lines of operations at the same time do not mix. A named
// pipe that nobody reads must not hold the operation up.
void append_line(const std::string& path, const std::string& line) {
  constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK;
  require_own(path, kFirstBytes, true);
  const auto fd = base::open_at(AT_FDCWD, path, kFlags, kLogMode);
  if (!fd) throw base::SystemError("open", path, ENOENT);
  base::write_all(fd->get(), line + "\n", path);
}

// As syslog(3) does it (RFC 3164), facility daemon; severity error or informational.
void send_to_syslog(const std::string& line, bool failed) {
  const base::UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) throw base::SystemError("open", "a socket", errno);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  constexpr std::string_view kPath = "/dev/log";
  kPath.copy(address.sun_path, kPath.size());
  constexpr int kDaemon = 3 << 3;
  const std::string text = "<" + std::to_string(kDaemon | (failed ? 3 : 6)) + ">patchcord[" +
                           std::to_string(::getpid()) + "]: " + line;
  if (::sendto(fd.get(), text.data(), text.size(), MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    throw base::SystemError("send to", kPath, errno);
  }
}

void write_log(const Operation& operation, const std::string& log) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::string line =
      to_log_line(operation, std::chrono::duration_cast<std::chrono::microseconds>(now).count());
  if (log == kSyslog) return send_to_syslog(line, operation.code != 0);
  append_line(log, line);
}

void attempt(const std::function<void()>& action,
             const std::function<void(const std::string&)>& report) {
  try {
    action();
  } catch (const std::exception& error) {
    report(std::string("patchcord: not observed: ") + error.what());
  }
}

}  // namespace

Destinations destinations_of(const cni::Environment& environment, const cni::Request* request) {
  return {.log = destination(environment, "PATCHCORD_LOG", request, "log"),
          .metrics = destination(environment, "PATCHCORD_METRICS", request, "metrics")};
}

std::string to_log_line(const Operation& operation, std::int64_t unix_microseconds) {
  constexpr std::int64_t kMicroseconds = 1'000'000;
  std::string fraction = std::to_string(unix_microseconds % kMicroseconds);
  fraction.insert(0, 6 - fraction.size(), '0');
  std::string line =
      std::string(kFirstBytes) + std::to_string(unix_microseconds / kMicroseconds) + "." + fraction;
  line += member("command", operation.command) + member("type", operation.type) +
          member("network", operation.network) + member("container", operation.container_id) +
          member("interface", operation.ifname) + ",\"code\":" + std::to_string(operation.code);
  if (operation.code != 0) line += member("msg", operation.message);
  for (const auto& note : operation.notes)
    line += (&note == operation.notes.data() ? ",\"notes\":[" : ",") + cni::quote_json(note);
  if (!operation.notes.empty()) line += ']';
  line += ",\"us\":" + std::to_string(operation.microseconds) + ",\"steps\":{";
  for (const auto& timing : operation.timings) {
    if (line.back() != '{') line += ',';
    line += cni::quote_json(timing.step) + ":" + std::to_string(timing.microseconds);
  }
  return line + "}}";
}

void tell(const Operation& operation, const Destinations& destinations,
          const std::string& state_directory,
          const std::function<void(const std::string&)>& report) noexcept {
  if (!destinations.log.empty()) attempt([&] { write_log(operation, destinations.log); }, report);
  if (!destinations.metrics.empty())
    attempt([&] { write_metrics(operation, destinations.metrics, state_directory); }, report);
}

}  // namespace observe
