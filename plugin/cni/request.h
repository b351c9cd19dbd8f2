#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "plugin/cni/object.h"
#include "plugin/cni/result.h"
#include "plugin/cni/version.h"

namespace cni {

enum class Command : std::uint8_t { kAdd, kDel, kCheck, kGc, kStatus, kVersion };
[[nodiscard]] std::string_view to_string(Command command);

/// The process environment, passed in so that tests need no process. An empty value counts as
/// absent.
class Environment {
 public:
  explicit Environment(std::map<std::string, std::string, std::less<>> variables)
      : variables_(std::move(variables)) {}
  static Environment of_process();
  /// Empty where absent.
  [[nodiscard]] std::string get(std::string_view name) const;
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& all() const noexcept {
    return variables_;
  }

 private:
  std::map<std::string, std::string, std::less<>> variables_;
};

/// CNI_ARGS: "K=V;K=V".
class Arguments {
 public:
  /// Throws Error{kInvalidEnvironment} on a pair without exactly one '=', as the reference does.
  static Arguments parse(std::string_view text);
  [[nodiscard]] std::optional<std::string> get(std::string_view key) const;
  /// Throws Error{kInvalidEnvironment} naming a key that is not among `known`, unless IgnoreUnknown
  /// is 1 or true; an IgnoreUnknown that is neither true nor false is an error too. K8S_POD_* keys
  /// are always known.
  void require_known(const std::vector<std::string_view>& known) const;

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

/// What GC is told is still alive (cni.dev/valid-attachments).
struct ValidAttachment {
  std::string container_id;
  std::string interface;
  friend auto operator<=>(const ValidAttachment&, const ValidAttachment&) = default;
};

/// One operation, read and validated as far as the protocol goes. What belongs to a plugin type is
/// read from `config()` by plugin/config.
class Request {
 public:
  Command command = Command::kVersion;
  std::string container_id;
  std::string netns;  // CNI_NETNS as given, maybe empty
  std::string ifname;
  std::string args;                   // CNI_ARGS, raw: DEL must not fail for it
  std::string path;                   // CNI_PATH
  bool allow_host_namespace = false;  // CNI_NETNS_OVERRIDE
  std::string network;                // the configuration's name
  Version version = kNewest;
  std::string input;            // stdin byte for byte, for delegates
  Environment environment{{}};  // for delegates

  Request();
  Request(Request&&) noexcept;
  Request& operator=(Request&&) noexcept;
  ~Request();

  /// The configuration as one object.
  [[nodiscard]] Object config() const;
  /// Absent where there is none (null and {} included). Throws Error{kDecoding} where it cannot be
  /// read, or has a version whose results have another shape than the configuration's
  /// (is_same_family): the runtime is to convert it.
  [[nodiscard]] std::optional<Result> previous_result() const;
  /// GC's list: absent where the key is, which differs from an empty list; null is the empty list.
  /// Where only the key of older libcni is there (cni.dev/attachments), that one counts. Throws
  /// Error{kInvalidConfig} on an entry that cannot be understood: passing it over would give a
  /// living attachment up.
  [[nodiscard]] std::optional<std::vector<ValidAttachment>> valid_attachments() const;

 private:
  friend Request read_request(const Environment& environment, std::string_view input);
  std::unique_ptr<nlohmann::json> config_;
};

/// The addresses of the request's interface by its previous result, which a DEL may lack, or have
/// in a form that cannot be read: then none.
[[nodiscard]] std::vector<base::IpAddress> addresses_in_previous_result(const Request& request);

/// The command, before anything else is looked at: VERSION needs nothing more, stdin is not even
/// read for it. Absent where CNI_COMMAND is missing or unknown.
[[nodiscard]] std::optional<Command> command_of(const Environment& environment);

/// Environment and stdin of any command but VERSION. Throws Error: 4 for the environment (a
/// malformed variable at once, all missing ones in one message), 6 for what is not a JSON object, 7
/// for a bad network name, 1 for a version that we do not speak or that does not have the command.
/// Variables that the command does not need are not looked at. CNI_PATH is never required here:
/// only a delegate needs it.
[[nodiscard]] Request read_request(const Environment& environment, std::string_view input);

/// The same request with another network's name in its configuration.
[[nodiscard]] Request with_network(const Request& request, const std::string& network);

}  // namespace cni
